// SPDX-License-Identifier: GPL-3.0-or-later
// Splits and compares the words of a command, a reply or a list of capabilities. Thread: any.
#pragma once

#include <initializer_list>
#include <string_view>

#include "base/ascii.h"

namespace culvert {

struct WordAndRest {
  std::string_view word;
  std::string_view rest;  ///< without the blanks around it
};

/// Splits off the word before the first blank.
inline WordAndRest splitWord(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const size_t end = text.find_first_of(kBlank);
  if (end == std::string_view::npos) return {text, {}};
  const size_t from = text.find_first_not_of(kBlank, end);
  if (from == std::string_view::npos) return {text.substr(0, end), {}};
  return {text.substr(0, end), text.substr(from, text.find_last_not_of(kBlank) - from + 1)};
}

/// Returns true if the word is one of these. The case of letters does not matter.
inline bool isWord(std::string_view word, std::initializer_list<std::string_view> words) {
  for (const std::string_view known : words)
    if (equalNoCase(word, known)) return true;
  return false;
}

/// Returns true if the line begins with a reply code: three digits, the first from 1 to 5, and
/// then a blank, the end, or "-" if that is allowed.
inline bool hasReplyCode(std::string_view line, bool dash) {
  if (line.size() < 3 || line[0] < '1' || line[0] > '5' || !isDigit(line[1]) || !isDigit(line[2]))
    return false;
  return line.size() == 3 || line[3] == ' ' || (dash && line[3] == '-');
}

}  // namespace culvert
