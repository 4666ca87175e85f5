// SPDX-License-Identifier: GPL-3.0-or-later
// See hex.h.
#include "base/hex.h"

namespace culvert {

void appendHex(std::string& out, std::span<const uint8_t> bytes, HexCase letters) {
  const std::string_view digits =
      letters == HexCase::kUpper ? "0123456789ABCDEF" : "0123456789abcdef";
  for (uint8_t byte : bytes) {
    out.push_back(digits[byte >> 4]);
    out.push_back(digits[byte & 0x0f]);
  }
}

std::string encodeHex(std::span<const uint8_t> bytes, HexCase letters) {
  std::string out;
  out.reserve(2 * bytes.size());
  appendHex(out, bytes, letters);
  return out;
}

bool decodeHex(std::string_view digits, std::span<uint8_t> out) {
  if (digits.size() != 2 * out.size()) return false;
  for (size_t i = 0; i < out.size(); ++i) {
    const int high = hexDigit(digits[2 * i]);
    const int low = hexDigit(digits[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return true;
}

std::optional<std::vector<uint8_t>> decodeHex(std::string_view digits) {
  std::vector<uint8_t> out(digits.size() / 2);
  if (!decodeHex(digits, out)) return std::nullopt;
  return out;
}

}  // namespace culvert
