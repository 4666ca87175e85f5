// SPDX-License-Identifier: GPL-3.0-or-later
// The fields of a ClientHello, as views into the gathered bytes of the hello. culvert itself parses
// each hello once, before it creates a WOLFSSL. See hello_gatherer.h. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/big_endian.h"

namespace culvert {

/// The longest ClientHello that culvert accepts, including the 4-byte handshake header. Hellos of
/// common clients are shorter than 4 KiB, even with post-quantum key shares and ECH. Hellos with
/// tickets of other servers may be longer.
inline constexpr size_t kMaxHelloMessage = size_t{64} << 10;
/// The most records that one ClientHello may be split into. A 2 KiB hello in records of one byte is
/// still accepted.
inline constexpr size_t kMaxHelloRecords = 4096;

/// The extension types that code outside the parser uses (RFC 8446 4.2, RFC 7685).
enum ExtensionType : uint16_t {
  kPaddingExtension = 21,
  kPreSharedKeyExtension = 41,
  kEarlyDataExtension = 42,
  kSupportedVersionsExtension = 43,
  kCookieExtension = 44,
  kKeyShareExtension = 51,
  kRenegotiationInfoExtension = 0xff01,
};

/// A view of a list of 16-bit numbers in network byte order. Valid as long as the viewed bytes
/// exist.
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

/// The fields of a ClientHello (RFC 8446 4.1.2, RFC 5246 7.4.1.2). The lists are views into the
/// gathered bytes, so they become invalid when that buffer is freed. The lists have the client's
/// order and may contain GREASE values (RFC 8701).
struct ClientHello {
  std::span<const uint8_t> message;  ///< the whole handshake message with its header
  uint16_t legacyVersion = 0;
  U16List supportedVersions;  ///< empty if the extension is absent
  U16List cipherSuites;
  U16List groups;                       ///< supported_groups
  U16List signatureAlgorithms;          ///< empty if the extension is absent
  std::span<const uint8_t> keyShares;   ///< body of the key_share list: {group, length, key}...
  std::span<const uint8_t> extensions;  ///< all extensions: {type, length, body}...
  std::span<const uint8_t> alpnList;    ///< body of the protocol name list: {length, name}...
  std::span<const uint8_t> tickets13;   ///< body of the PSK identities: {length, ticket, age}...
  std::span<const uint8_t> ticket12;    ///< the ticket in session_ticket (TLS 1.2)
  std::string serverName;               ///< lower case, no trailing dot; empty if absent
  bool onlyNullCompression = false;
  bool fallbackScsv = false;       ///< TLS_FALLBACK_SCSV (RFC 7507)
  bool lacksUncompressed = false;  ///< ec_point_formats lacks "uncompressed"; TLS 1.2 only
  bool hasKeyShare = false;        ///< key_share is present (its list may be empty)
  bool hasGroups = false;
  bool hasPskModes = false;
  bool pskWithKeyExchange = false;  ///< psk_dhe_ke is among the PSK modes
  bool hasPreSharedKey = false;     ///< a TLS 1.3 ticket is offered
  bool hasEarlyData = false;
  bool hasCookie = false;
  bool statusRequest = false;   ///< requests a stapled OCSP response (RFC 6066 8)
  uint8_t maxFragment = 0;      ///< max_fragment_length (RFC 6066 4); 0 if absent or ignored
  uint16_t recordLimit = 0;     ///< record_size_limit (RFC 8449); 0 if absent
  uint16_t ticket12Length = 0;  ///< length of the ticket in session_ticket (TLS 1.2), in bytes

  bool offersVersion(uint16_t version) const;
  /// Returns the highest TLS version up to 0x0304 that the client offers, or 0 if the client offers
  /// no known version. 0x0300 and lower numbers mean SSL.
  uint16_t highestVersion() const;
  /// Calls `visit(group, key)` for each key share that the client offers.
  template <class Visit>
  void forEachKeyShare(Visit visit) const {
    for (auto rest = keyShares; rest.size() >= 4;) {
      const size_t length = u16At(rest, 2);
      visit(u16At(rest, 0), rest.subspan(4, length));
      rest = rest.subspan(4 + length);
    }
  }
  /// Calls `visit(std::string_view)` for each ALPN protocol that the client offers.
  template <class Visit>
  void forEachProtocol(Visit visit) const {
    for (auto rest = alpnList; !rest.empty(); rest = rest.subspan(1 + rest[0]))
      visit(std::string_view(reinterpret_cast<const char*>(rest.data()) + 1, rest[0]));
  }
  bool offersProtocol(std::string_view name) const;
  /// Calls `visit(ticket, obfuscatedAge)` for each TLS 1.3 ticket (PSK identity) that the client
  /// offers.
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
