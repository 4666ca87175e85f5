// SPDX-License-Identifier: GPL-3.0-or-later
// Bytes that show their own position, so that a test sees a lost, doubled or swapped byte. And a
// comparison of long texts that reports where they differ instead of printing them. Thread: any
// (values).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace culvert {

/// The byte at `place` of stream `seed`. The pattern repeats only after 64 KiB times 251.
inline char patternAt(size_t place, uint8_t seed = 0) {
  return static_cast<char>((place * 31 + (place >> 8) * 7 + (place >> 16) * 13 + seed * 101u) &
                           0xff);
}

inline std::string pattern(size_t bytes, uint8_t seed = 0, size_t from = 0) {
  std::string text(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) text[i] = patternAt(from + i, seed);
  return text;
}

/// Returns "" if both are equal, else the first position at which they differ.
inline std::string difference(std::string_view got, std::string_view wanted) {
  if (got == wanted) return "";
  const auto parted = std::mismatch(got.begin(), got.end(), wanted.begin(), wanted.end());
  return "got " + std::to_string(got.size()) + " bytes, wanted " + std::to_string(wanted.size()) +
         ", they part at byte " + std::to_string(parted.first - got.begin());
}

}  // namespace culvert
