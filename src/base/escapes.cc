// SPDX-License-Identifier: GPL-3.0-or-later
// See escapes.h.
#include "base/escapes.h"

#include <fmt/format.h>

#include "base/hex.h"
#include "base/words.h"

namespace culvert {
namespace {

Result<std::string> wrongEscape(std::string_view text, size_t at, size_t length) {
  return fail(fmt::format(
      "\"{}\" at character {} is not an escape; allowed: \\r \\n \\t \\0 \\\\ and \\xHH with two "
      "hexadecimal digits",
      printable(text.substr(at, length)), at + 1));
}

}  // namespace

Result<std::string> readEscapes(std::string_view text) {
  constexpr std::string_view kLetters = "rnt0\\";
  constexpr std::string_view kBytes("\r\n\t\0\\", 5);
  std::string bytes;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      bytes.push_back(text[at]);
      continue;
    }
    const char letter = at + 1 < text.size() ? text[at + 1] : '\0';
    const size_t known = letter == '\0' ? std::string_view::npos : kLetters.find(letter);
    if (known != std::string_view::npos) {
      bytes.push_back(kBytes[known]);
      ++at;
      continue;
    }
    if (letter != 'x') return wrongEscape(text, at, 2);
    const int high = at + 2 < text.size() ? hexDigit(text[at + 2]) : -1;
    const int low = at + 3 < text.size() ? hexDigit(text[at + 3]) : -1;
    if (high < 0 || low < 0) return wrongEscape(text, at, 4);
    bytes.push_back(static_cast<char>(high * 16 + low));
    at += 3;
  }
  return bytes;
}

}  // namespace culvert
