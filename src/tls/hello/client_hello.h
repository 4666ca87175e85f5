// SPDX-License-Identifier: GPL-3.0-or-later
// The fields of a ClientHello, as views into the gathered bytes of the hello. culvert parses the
// hello itself, once for each handshake, before a WOLFSSL exists. See hello_gatherer.h. Thread:
// any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/big_endian.h"

namespace culvert {

/// Longest ClientHello that culvert accepts, including its 4-byte handshake header. Hellos of
/// common clients are shorter than 4 KiB, even with post-quantum key shares and ECH. Tickets of
/// other servers may make hellos longer.
inline constexpr size_t kMaxHelloMessage = size_t{64} << 10;
/// The most records that one ClientHello may be split into (a 2 KiB hello in one-byte records is
/// still accepted).
inline constexpr size_t kMaxHelloRecords = 4096;

/// The extensions that code outside the parser refers to (RFC 8446 4.2, RFC 7685).
enum ExtensionType : uint16_t {
  kPaddingExtension = 21,
  kPreSharedKeyExtension = 41,
  kEarlyDataExtension = 42,
  kCookieExtension = 44,
  kKeyShareExtension = 51,
};

/// A view of a list of 16-bit numbers in network byte order. Valid as long as the viewed bytes.
class U16List {
 public:
  U16List() = default;
  /// `bytes` must have an even length.
  explicit U16List(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  size_t size() const { return bytes_.size() / 2; }
  bool empty() const { return bytes_.empty(); }
  uint16_t operator[](size_t i) const { return u16At(bytes_, 2 * i); }
  bool contains(uint16_t value) const;

 private:
  std::span<const uint8_t> bytes_;
};

/// The fields of a ClientHello (RFC 8446 4.1.2, RFC 5246 7.4.1.2). Lists are views into the
/// gathered bytes, so do not use them after the buffer is freed. Lists are in the client's order
/// and may contain GREASE values (RFC 8701).
struct ClientHello {
  std::span<const uint8_t> message;  ///< the whole handshake message, header included
  uint16_t legacyVersion = 0;
  U16List supportedVersions;  ///< empty: the extension is absent
  U16List cipherSuites;
  U16List groups;                       ///< supported_groups
  U16List signatureAlgorithms;          ///< empty: the extension is absent
  std::span<const uint8_t> keyShares;   ///< body of the key_share list: {group, length, key}...
  std::span<const uint8_t> extensions;  ///< all extensions: {type, length, body}...
  std::span<const uint8_t> alpnList;    ///< body of the protocol name list: {length, name}...
  std::span<const uint8_t> tickets13;   ///< body of the PSK identities: {length, ticket, age}...
  std::string serverName;               ///< lower case, no trailing dot; empty: none
  bool onlyNullCompression = false;
  bool fallbackScsv = false;       ///< TLS_FALLBACK_SCSV (RFC 7507)
  bool lacksUncompressed = false;  ///< ec_point_formats lacks the uncompressed format; TLS 1.2 only
  bool hasKeyShare = false;        ///< key_share is present (its list may be empty)
  bool hasGroups = false;
  bool hasPskModes = false;
  bool pskWithKeyExchange = false;  ///< psk_dhe_ke is among the modes
  bool hasPreSharedKey = false;     ///< a TLS 1.3 ticket is offered
  bool hasEarlyData = false;
  bool hasCookie = false;
  bool statusRequest = false;   ///< requests a stapled OCSP response (RFC 6066 8)
  uint8_t maxFragment = 0;      ///< max_fragment_length (RFC 6066 4), 0: none, or ignored
  uint16_t recordLimit = 0;     ///< record_size_limit (RFC 8449), 0: none
  uint16_t ticket12Length = 0;  ///< bytes of the ticket in the session_ticket extension (TLS 1.2)

  bool offersVersion(uint16_t version) const;
  /// The highest known TLS version that the client offers, at most 0x0304; 0: none. 0x0300 and
  /// below mean SSL.
  uint16_t highestVersion() const;
  /// Calls `visit(group, key)` for each key share.
  template <class Visit>
  void forEachKeyShare(Visit visit) const {
    for (auto rest = keyShares; rest.size() >= 4;) {
      const size_t length = u16At(rest, 2);
      visit(u16At(rest, 0), rest.subspan(4, length));
      rest = rest.subspan(4 + length);
    }
  }
  /// Calls `visit(std::string_view)` for each ALPN protocol offered.
  template <class Visit>
  void forEachProtocol(Visit visit) const {
    for (auto rest = alpnList; !rest.empty(); rest = rest.subspan(1 + rest[0]))
      visit(std::string_view(reinterpret_cast<const char*>(rest.data()) + 1, rest[0]));
  }
  bool offersProtocol(std::string_view name) const;
  /// Calls `visit(ticket, obfuscatedAge)` for each TLS 1.3 ticket (PSK identity) offered.
  template <class Visit>
  void forEachTicket13(Visit visit) const {
    for (auto rest = tickets13; rest.size() >= 6;) {
      const size_t length = u16At(rest, 0);
      visit(rest.subspan(2, length), u32At(rest, 2 + length));
      rest = rest.subspan(6 + length);
    }
  }
};

}  // namespace culvert
