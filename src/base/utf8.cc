// SPDX-License-Identifier: GPL-3.0-or-later
// See utf8.h.
#include "base/utf8.h"

namespace culvert {

Utf8CodePoint readUtf8(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1};
  size_t size = 0;
  char32_t value = 0;
  char32_t smallest = 0;
  if (lead >= 0xc2 && lead <= 0xdf) {
    size = 2, value = lead & 0x1f, smallest = 0x80;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    size = 3, value = lead & 0x0f, smallest = 0x800;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    size = 4, value = lead & 0x07, smallest = 0x10000;
  }
  if (size == 0 || text.size() < size) return {lead, 0};
  for (size_t i = 1; i < size; ++i) {
    if (!continuesUtf8(text[i])) return {lead, 0};
    value = value << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
  }
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < smallest || value > 0x10ffff || surrogate) return {lead, 0};
  return {value, size};
}

void appendUtf8(std::string& out, char32_t c) {
  const auto put = [&out](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  const auto putLater = [&put](char32_t bits) { put(0x80 | (bits & 0x3f)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xc0 | c >> 6);
  } else {
    if (c < 0x10000) {
      put(0xe0 | c >> 12);
    } else {
      put(0xf0 | c >> 18);
      putLater(c >> 12);
    }
    putLater(c >> 6);
  }
  putLater(c);
}

}  // namespace culvert
