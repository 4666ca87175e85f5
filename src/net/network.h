// SPDX-License-Identifier: GPL-3.0-or-later
// Network is one network of the configuration: an address with the number of bits that count.
// NetworkSet answers in one search whether an address belongs to one of many networks. Thread: any
// (values).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/address.h"

namespace culvert {

/// An IP address as 16 bytes; an IPv4 address is mapped (::ffff:a.b.c.d, RFC 4291 2.5.5.2).
using AddressBytes = std::array<uint8_t, 16>;

/// The bytes of an IP address; all zero for a UNIX address and "no address".
AddressBytes bytesOf(const SocketAddress& address);

struct Network {
  AddressBytes bytes{};      ///< the bits after `bits` are zero
  uint8_t bits = 0;          ///< 0 to 128; an IPv4 network has 96 more than its text
  bool unixSockets = false;  ///< the word `unix`: all clients of UNIX sockets, and no others

  /// The network that consists of the first `v4Bits` or `v6Bits` bits of an IP address.
  static Network around(const SocketAddress& address, uint8_t v4Bits, uint8_t v6Bits);

  bool contains(const AddressBytes& address) const;
  bool contains(const SocketAddress& address) const;
  /// For example `10.0.0.0/8`, `10.1.2.3`, `fd00::/8` or `unix`.
  std::string text() const;
  bool operator==(const Network&) const = default;
  auto operator<=>(const Network&) const = default;
};

/// Parses ADDRESS or NETWORK/BITS. Bits after the network's length have to be zero. With
/// `withUnix`, the word `unix` is allowed too. The error says what is wrong and what is allowed.
Result<Network> parseNetwork(std::string_view text, bool withUnix);

/// A set of networks.
class NetworkSet {
 public:
  NetworkSet() = default;
  explicit NetworkSet(std::vector<Network> networks);

  bool empty() const { return networks_.empty(); }
  bool contains(const SocketAddress& address) const { return longest(address) != nullptr; }
  /// Returns the longest network that contains the address, or nullptr.
  const Network* longest(const SocketAddress& address) const;
  const std::vector<Network>& networks() const { return networks_; }
  bool operator==(const NetworkSet&) const = default;

 private:
  std::vector<Network> networks_;  // sorted by bits, the longest first, then by bytes
};

}  // namespace culvert
