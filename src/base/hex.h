// SPDX-License-Identifier: GPL-3.0-or-later
// Bytes as hexadecimal digits, and back. Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

enum class HexCase : uint8_t { kLower, kUpper };

/// The value of a digit of either case; -1 for any other character.
constexpr int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Appends two digits for each byte.
void appendHex(std::string& out, std::span<const uint8_t> bytes, HexCase letters = HexCase::kLower);
std::string encodeHex(std::span<const uint8_t> bytes, HexCase letters = HexCase::kLower);

/// Fills `out` from twice as many digits. Returns false for any other text; `out` may then be
/// changed too.
[[nodiscard]] bool decodeHex(std::string_view digits, std::span<uint8_t> out);

/// Returns nothing for an odd number of digits or for any other character.
std::optional<std::vector<uint8_t>> decodeHex(std::string_view digits);

}  // namespace culvert
