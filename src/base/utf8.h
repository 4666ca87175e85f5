// SPDX-License-Identifier: GPL-3.0-or-later
// UTF-8 (RFC 3629): reads and writes one code point at a time. Thread: any.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace culvert {

struct Utf8CodePoint {
  char32_t value;  ///< the code point; the first byte if the sequence is invalid
  size_t bytes;    ///< length of the sequence; 0 if the text does not begin with valid UTF-8
};

/// Reads the code point at the front of `text`, which must not be empty. Overlong forms, surrogates
/// and values above U+10FFFF are invalid.
Utf8CodePoint readUtf8(std::string_view text);

/// Appends the UTF-8 encoding of `c`. The code point must be at most U+10FFFF and not a surrogate.
void appendUtf8(std::string& out, char32_t c);

/// True for a continuation byte, that is, any byte of a sequence except the first.
constexpr bool continuesUtf8(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

/// True for the control characters C0, DEL and C1.
constexpr bool isControl(char32_t c) { return c < 0x20 || (c >= 0x7f && c <= 0x9f); }

}  // namespace culvert
