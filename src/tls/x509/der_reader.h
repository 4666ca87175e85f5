// SPDX-License-Identifier: GPL-3.0-or-later
// DerReader reads DER items one after the other, and never reads beyond the given bytes. culvert
// uses DerReader for the few fields of certificates, CRLs and OCSP responses that wolfSSL does not
// expose. Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/big_endian.h"
#include "base/bytes.h"

namespace culvert {

struct DerItem {
  uint8_t tag = 0;
  std::span<const uint8_t> body;
  std::span<const uint8_t> whole;  ///< body with tag and length
};

class DerReader {
 public:
  static constexpr uint8_t kBoolean = 0x01;
  static constexpr uint8_t kInteger = 0x02;
  static constexpr uint8_t kBitString = 0x03;
  static constexpr uint8_t kOctets = 0x04;
  static constexpr uint8_t kOid = 0x06;
  static constexpr uint8_t kEnumerated = 0x0a;
  static constexpr uint8_t kTime = 0x18;  ///< GeneralizedTime
  static constexpr uint8_t kSequence = 0x30;
  static constexpr uint8_t kSet = 0x31;
  /// The tag of a constructed item with context-specific tag number `n`.
  static constexpr uint8_t context(uint8_t n) { return static_cast<uint8_t>(0xa0 | n); }

  explicit DerReader(std::span<const uint8_t> bytes) : rest_(bytes) {}

  bool done() const { return rest_.empty(); }

  /// Returns the tag of the next item, or 0 at the end.
  uint8_t peek() const { return rest_.empty() ? uint8_t{0} : rest_[0]; }

  /// Returns the next item. Returns nothing at the end, for tags of several bytes, and for bytes
  /// that are not valid DER, such as indefinite or overlong lengths.
  std::optional<DerItem> next() {
    if (rest_.size() < 2 || (rest_[0] & 0x1f) == 0x1f) return std::nullopt;
    size_t header = 2;
    size_t length = rest_[1];
    if (length >= 0x80) {
      const size_t count = length & 0x7f;
      if (count == 0 || count > 4 || rest_.size() < 2 + count || rest_[2] == 0) return std::nullopt;
      length = bigEndian(rest_.subspan(2, count));
      if (length < 0x80) return std::nullopt;
      header += count;
    }
    if (rest_.size() - header < length) return std::nullopt;
    const DerItem item{rest_[0], rest_.subspan(header, length), rest_.first(header + length)};
    rest_ = rest_.subspan(header + length);
    return item;
  }

  /// Returns the next item if it has the tag `tag`. Otherwise returns nothing and skips nothing.
  std::optional<DerItem> next(uint8_t tag) {
    if (peek() != tag) return std::nullopt;
    return next();
  }

 private:
  std::span<const uint8_t> rest_;
};

/// Calls visit(oid, critical, value) for each of the Extensions (RFC 5280 4.1). Stops and returns
/// false if `visit` returns false or if the extensions are malformed.
template <class Visit>
bool walkExtensions(std::span<const uint8_t> extensions, Visit visit) {
  DerReader outer(extensions);
  const auto list = outer.next(DerReader::kSequence);
  if (!list || !outer.done()) return false;
  DerReader reader(list->body);
  while (!reader.done()) {
    const auto extension = reader.next(DerReader::kSequence);
    if (!extension) return false;
    DerReader parts(extension->body);
    const auto type = parts.next(DerReader::kOid);
    const auto critical = parts.next(DerReader::kBoolean);
    const auto value = parts.next(DerReader::kOctets);
    if (!type || !value) return false;
    const bool isCritical = critical && critical->body.size() == 1 && critical->body[0] != 0;
    if (!visit(asText(type->body), isCritical, value->body)) return false;
  }
  return true;
}

}  // namespace culvert
