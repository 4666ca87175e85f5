// SPDX-License-Identifier: GPL-3.0-or-later
// Converts bytes to hexadecimal digits, and digits to bytes. Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

enum class HexCase : uint8_t { kLower, kUpper };

/// Returns the value of a hexadecimal digit in upper or lower case; -1 for any other character.
constexpr int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Appends two hexadecimal digits for each byte.
void appendHex(std::string& out, std::span<const uint8_t> bytes, HexCase letters = HexCase::kLower);
std::string encodeHex(std::span<const uint8_t> bytes, HexCase letters = HexCase::kLower);

/// Converts `digits` to bytes and fills `out` with them. Returns false if `digits` has a character
/// that is not a hexadecimal digit, or not exactly two digits for each byte of `out`. In that case,
/// some bytes of `out` may have changed.
[[nodiscard]] bool decodeHex(std::string_view digits, std::span<uint8_t> out);

/// Returns the bytes, or nothing if `digits` has an odd length or a character that is not a
/// hexadecimal digit.
std::optional<std::vector<uint8_t>> decodeHex(std::string_view digits);

}  // namespace culvert
