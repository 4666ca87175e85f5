// SPDX-License-Identifier: GPL-3.0-or-later
// The constants of a PROXY header of version 2 and the walk through its TLVs (HAProxy's
// proxy-protocol.txt 2.2). Writer and reader share them. Thread: any (constants).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/big_endian.h"
#include "base/bytes.h"

namespace culvert::pp2 {

inline constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
/// The signature, the version and command, the family, and the length of the rest.
inline constexpr size_t kFixedPart = 16;
inline constexpr size_t kUnixField = 108;

inline constexpr uint8_t kUnspec = 0x00, kTcp4 = 0x11, kTcp6 = 0x21, kUnixStream = 0x31;

inline constexpr uint8_t kAlpn = 0x01, kAuthority = 0x02, kCrc32c = 0x03, kNoop = 0x04, kSsl = 0x20;
inline constexpr uint8_t kSslVersion = 0x21, kSslCn = 0x22, kSslCipher = 0x23;
// culvert's own types are in the range for custom types, from PP2_TYPE_MIN_CUSTOM (0xE0) to
// PP2_TYPE_MAX_CUSTOM (0xEF).
inline constexpr uint8_t kSubject = 0xe0, kUri = 0xe1, kFingerprint = 0xe2;

/// Maximum length of the text of an ALPN or AUTHORITY TLV that culvert writes or uses.
inline constexpr size_t kMaxTlvText = 255;

struct Tlv {
  uint8_t type;
  std::string_view value;
  std::string_view whole;  ///< type, length and value
};

/// Takes the first TLV off `rest`. Returns false if `rest` does not begin with a complete TLV.
inline bool takeTlv(std::string_view& rest, Tlv& tlv) {
  constexpr size_t kHead = 3;
  if (rest.size() < kHead) return false;
  const size_t length = u16At(asBytes(rest), 1);
  if (rest.size() - kHead < length) return false;
  tlv = {static_cast<uint8_t>(rest[0]), rest.substr(kHead, length), rest.substr(0, kHead + length)};
  rest.remove_prefix(kHead + length);
  return true;
}

}  // namespace culvert::pp2
