// SPDX-License-Identifier: GPL-3.0-or-later
// Reads a received PROXY header, version 1 or 2 (HAProxy's proxy-protocol.txt). The reader is pure
// and keeps no state: the caller passes all bytes received so far. Whether the sender is trusted is
// the caller's decision. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "net/address.h"

namespace culvert {

/// Maximum size of a header of version 1, with its CR LF, as the specification says.
inline constexpr size_t kLongestProxyV1 = 107;
/// Maximum size of a header of version 2 that culvert accepts, with its addresses and TLVs.
inline constexpr size_t kLongestProxyHeader = 4096;

struct ProxyHeader {
  int version = 0;
  /// True for the command LOCAL of version 2: the proxy itself connects, usually as a probe.
  bool local = false;
  /// The client, and the address that the client connected to. They are "no address", and the
  /// addresses of the socket count, if the header is LOCAL or if it contains no address that
  /// culvert can use: UNKNOWN of version 1, and AF_UNSPEC and datagrams of version 2. Two
  /// IPv4-mapped IPv6 addresses become IPv4 addresses.
  SocketAddress source, destination;
  /// The TLVs of version 2 as received, for proxyV2() to pass on, without CRC32C and NOOP.
  std::string tlvs;
  /// The first TLV AUTHORITY. Empty if there is none, or if it has more than 255 bytes, a control
  /// character or invalid UTF-8.
  std::string authority;
  /// The first TLV ALPN. Empty if there is none, or if it has more than 255 bytes or bytes that are
  /// not visible ASCII.
  std::string alpn;

  bool hasAddresses() const { return source.isSet(); }
  bool operator==(const ProxyHeader&) const = default;
};

enum class ProxyStatus : uint8_t {
  kNeedMore,   ///< the bytes are the beginning of a header
  kComplete,   ///< `consumed` bytes are the header
  kAbsent,     ///< the bytes do not begin with the signature of a header
  kMalformed,  ///< the signature is there, but the header breaks a rule: `problem`
};

struct ProxyRead {
  ProxyStatus status = ProxyStatus::kNeedMore;
  size_t consumed = 0;
  std::string_view problem{};  ///< what is wrong, as a constant text
  bool operator==(const ProxyRead&) const = default;
};

/// Reads the header at the start of `bytes`. Sets `out` only if the status is kComplete. The status
/// becomes kAbsent at the first byte that differs from both signatures, which are "PROXY " and the
/// 12 bytes of version 2. More bytes never change a status other than kNeedMore, and after
/// kLongestProxyHeader bytes the status is never kNeedMore.
ProxyRead readProxyHeader(std::span<const uint8_t> bytes, ProxyHeader& out);

}  // namespace culvert
