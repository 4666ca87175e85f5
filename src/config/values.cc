// SPDX-License-Identifier: GPL-3.0-or-later
// Reads and writes scalar values. The parser limits every number while reading it, so that no
// number can overflow.
#include "config/values.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/duration.h"
#include "base/words.h"
#include "config/diagnostics.h"

namespace culvert {

namespace {

// A number that is larger than every range in the option table. Even multiplied by the largest
// unit, this number is far below the limit of int64_t.
constexpr int64_t kTooMuch = 100'000'000'000;

/// Removes the digits at the front of `text` and returns the number that they form, at most
/// kTooMuch. Returns -1 if `text` does not begin with a digit.
int64_t takeNumber(std::string_view& text) {
  size_t digits = 0;
  int64_t number = 0;
  for (; digits < text.size() && isDigit(text[digits]); ++digits)
    number = number >= kTooMuch ? kTooMuch : number * 10 + (text[digits] - '0');
  text.remove_prefix(digits);
  return digits == 0 ? -1 : std::min(number, kTooMuch);
}

std::string_view takeWord(std::string_view& text) {
  size_t letters = 0;
  while (letters < text.size() && isLetter(text[letters])) ++letters;
  std::string_view word = text.substr(0, letters);
  text.remove_prefix(letters);
  return word;
}

bool isZero(std::string_view text) { return text == "0" || text == "off"; }

}  // namespace

Result<int64_t> parseDuration(std::string_view text) {
  if (isZero(text)) return 0;
  constexpr std::string_view kAllowed =
      "allowed: a number with ms, s, m, h or d, as in 30s or 1h30m, or off";
  const auto bad = [&](std::string_view why) {
    return fail(fmt::format("\"{}\" {}; {}", printable(text, 60), why, kAllowed));
  };
  int64_t total = 0;
  size_t nextUnit = 0;  // units must be in descending order, each at most once
  for (std::string_view rest = text; !rest.empty();) {
    const int64_t number = takeNumber(rest);
    if (number < 0) return bad("is not a duration");
    const std::string_view word = takeWord(rest);
    if (word.empty() && rest.empty() && nextUnit == 0)
      return fail(fmt::format("\"{}\" has no unit; {} (did you mean \"{}s\")", printable(text, 60),
                              kAllowed, number));
    size_t unit = nextUnit;
    while (unit < kDurationUnits.size() && kDurationUnits[unit].name != word) ++unit;
    if (unit == kDurationUnits.size()) return bad("is not a duration");
    total = std::min(kTooMuch * 10,
                     total + std::min(number, kTooMuch / kDurationUnits[unit].milliseconds * 2) *
                                 kDurationUnits[unit].milliseconds);
    nextUnit = unit + 1;
  }
  if (nextUnit == 0) return bad("is not a duration");
  return total;
}

Result<int64_t> parseSize(std::string_view text) {
  if (isZero(text)) return 0;
  std::string_view rest = text;
  int64_t number = takeNumber(rest);
  int64_t factor = 1;
  if (rest == "k")
    factor = kKiB;
  else if (rest == "m")
    factor = kMiB;
  else if (rest == "g")
    factor = 1024 * kMiB;
  else if (!rest.empty())
    number = -1;
  if (number < 0) {
    return fail(fmt::format(
        "\"{}\" is not a size; allowed: a number of bytes, or with k, m or g of 1024, as in 64k",
        printable(text, 60)));
  }
  return number > kTooMuch / factor ? kTooMuch * 10 : number * factor;
}

std::string formatSize(int64_t bytes) {
  if (bytes == 0) return "off";
  if (bytes % (1024 * kMiB) == 0) return fmt::format("{}g", bytes / (1024 * kMiB));
  if (bytes % kMiB == 0) return fmt::format("{}m", bytes / kMiB);
  if (bytes % kKiB == 0) return fmt::format("{}k", bytes / kKiB);
  return fmt::format("{}", bytes);
}

Result<int64_t> parseNumber(std::string_view text) {
  std::string_view rest = text;
  const int64_t number = takeNumber(rest);
  if (number < 0 || !rest.empty())
    return fail(fmt::format("\"{}\" is not a whole number", printable(text, 60)));
  return number;
}

std::string_view switchWord(std::string_view text) {
  if (text == "yes" || text == "true") return "on";
  if (text == "no" || text == "false") return "off";
  return text;
}

Result<bool> parseSwitch(std::string_view text) {
  const std::string_view word = switchWord(text);
  if (word == "on") return true;
  if (word == "off") return false;
  std::string_view meant;
  for (std::string_view yes : {"1", "enable", "enabled", "On", "ON", "Yes", "YES", "True", "TRUE"})
    if (text == yes) meant = "on";
  for (std::string_view no :
       {"0", "disable", "disabled", "Off", "OFF", "No", "NO", "False", "FALSE"})
    if (text == no) meant = "off";
  constexpr std::string_view kNames[] = {"on", "off"};
  if (meant.empty()) meant = nearestName(text, kNames);
  return fail(fmt::format("\"{}\" is not allowed; allowed: on, off{}", printable(text, 60),
                          didYouMean(meant)));
}

}  // namespace culvert
