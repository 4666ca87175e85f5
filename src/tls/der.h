// SPDX-License-Identifier: GPL-3.0-or-later
// DerReader walks over the elements of a DER value: enough to look into certificates and OCSP
// responses for what wolfSSL does not tell. Every length is checked against what is left. Thread:
// any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace culvert {

struct DerItem {
  uint8_t tag = 0;
  std::span<const uint8_t> body;
};

class DerReader {
 public:
  static constexpr uint8_t kInteger = 0x02, kOctets = 0x04, kOid = 0x06, kEnumerated = 0x0a,
                           kTime = 0x18, kSequence = 0x30;
  /// [n], constructed.
  static constexpr uint8_t context(uint8_t n) { return static_cast<uint8_t>(0xa0 | n); }

  explicit DerReader(std::span<const uint8_t> bytes) : rest_(bytes) {}

  bool empty() const { return rest_.empty(); }
  /// The tag of the next element; 0 at the end.
  uint8_t peek() const { return rest_.empty() ? uint8_t{0} : rest_[0]; }

  /// The next element; nothing at the end, and where the rest is malformed.
  std::optional<DerItem> next() {
    if (rest_.size() < 2 || (rest_[0] & 0x1f) == 0x1f) return std::nullopt;
    size_t at = 2;
    size_t length = rest_[1];
    if (length >= 0x80) {
      const size_t digits = length & 0x7f;
      if (digits == 0 || digits > 3 || rest_.size() < at + digits) return std::nullopt;
      for (length = 0; at < 2 + digits; ++at) length = length << 8 | rest_[at];
    }
    if (length > rest_.size() - at) return std::nullopt;
    const DerItem item{rest_[0], rest_.subspan(at, length)};
    rest_ = rest_.subspan(at + length);
    return item;
  }

  /// The next element where it has this tag; otherwise nothing is taken.
  std::optional<DerItem> next(uint8_t tag) { return peek() == tag ? next() : std::nullopt; }

 private:
  std::span<const uint8_t> rest_;
};

}  // namespace culvert
