// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/words_of.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include "base/ascii.h"
#include "base/duration.h"
#include "base/utf8.h"
#include "base/words.h"

namespace culvert {

namespace {

struct Range {
  char32_t first, last;
};

/// Characters that change the direction of text, or that nobody sees.
constexpr Range kUnseen[] = {{0xad, 0xad},     {0x61c, 0x61c},    {0x200b, 0x200f},
                             {0x2028, 0x202e}, {0x2060, 0x206f},  {0xfeff, 0xfeff},
                             {0xfff9, 0xfffb}, {0xe0000, 0xe007f}};
constexpr Range kCombining[] = {
    {0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},   {0x64b, 0x65f},
    {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}};
constexpr Range kWide[] = {{0x1100, 0x115f},   {0x2e80, 0x303e},  {0x3041, 0xa4cf},
                           {0xac00, 0xd7a3},   {0xf900, 0xfaff},  {0xfe30, 0xfe6f},
                           {0xff00, 0xff60},   {0xffe0, 0xffe6},  {0x1f300, 0x1f64f},
                           {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};

template <size_t kCount>
bool isIn(char32_t c, const Range (&ranges)[kCount]) {
  return std::ranges::any_of(ranges, [c](const Range& r) { return c >= r.first && c <= r.last; });
}

size_t widthOf(char32_t c) { return isIn(c, kCombining) ? 0 : isIn(c, kWide) ? 2 : 1; }

/// Calls `each(bytes, width)` for every character.
template <class Each>
void eachCharacter(std::string_view text, const Each& each) {
  while (!text.empty()) {
    const Utf8CodePoint point = readUtf8(text);
    const size_t bytes = std::max<size_t>(point.bytes, 1);
    if (!each(text.substr(0, bytes), widthOf(point.value))) return;
    text.remove_prefix(bytes);
  }
}

std::optional<int> digitsAt(std::string_view text, size_t at, size_t count) {
  if (at + count > text.size()) return std::nullopt;
  const std::string_view part = text.substr(at, count);
  if (!std::ranges::all_of(part, isDigit)) return std::nullopt;
  return std::stoi(std::string(part));
}

}  // namespace

std::string durationWords(double milliseconds) {
  if (!(milliseconds >= 0) || milliseconds > 1e15) return "-";
  if (milliseconds < 999.5) return fmt::format("{:.0f}ms", milliseconds);
  const double seconds = milliseconds / 1000;
  if (seconds < 59.95) return fmt::format("{:.1f}s", seconds);
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
  return fmt::format("{}d{:02}h", whole / 86400, whole / 3600 % 24);
}

std::string bytesWords(double bytes) {
  constexpr std::array<std::string_view, 6> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  if (!(bytes >= 0)) return "-";
  size_t unit = 0;
  while (bytes >= 1023.95 && unit + 1 < kUnits.size()) {
    bytes /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

std::string rateWords(std::optional<double> bytesPerSecond) {
  return bytesPerSecond ? bytesWords(std::round(*bytesPerSecond)) + "/s" : "-";
}

std::string countWords(double count) {
  if (!std::isfinite(count)) return "-";
  if (count != std::floor(count) && std::abs(count) < 10) return fmt::format("{:.1f}", count);
  std::string digits = fmt::format("{:.0f}", std::abs(count));
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return (count < 0 ? "-" : "") + digits;
}

std::string microsWords(std::optional<double> microseconds) {
  if (!microseconds) return "-";
  const double value = *microseconds;
  if (value < 999.5) return fmt::format("{:.0f}us", value);
  if (value < 999'500) return fmt::format("{:.1f}ms", value / 1000);
  return fmt::format("{:.1f}s", value / 1e6);
}

std::string plural(double count, std::string_view singular, std::string_view manyForm) {
  if (count == 1) return fmt::format("1 {}", singular);
  return manyForm.empty() ? fmt::format("{} {}s", countWords(count), singular)
                          : fmt::format("{} {}", countWords(count), manyForm);
}

std::optional<int64_t> parseTime(std::string_view text) {
  const auto year = digitsAt(text, 0, 4), month = digitsAt(text, 5, 2), day = digitsAt(text, 8, 2);
  const auto hour = digitsAt(text, 11, 2), minute = digitsAt(text, 14, 2),
             second = digitsAt(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second || text.back() != 'Z')
    return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * 24 + *hour) * 60 + *minute) * 60 + *second;
}

std::string timeWords(std::string_view text) {
  if (!parseTime(text)) return visible(text);
  return fmt::format("{} {} UTC", text.substr(0, 10), text.substr(11, 8));
}

std::string visible(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Utf8CodePoint point = readUtf8(text);
    const size_t bytes = std::max<size_t>(point.bytes, 1);
    if (point.bytes == 0 || point.value < 0x20 || point.value == 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
    } else if (isControl(point.value) || isIn(point.value, kUnseen)) {
      out += fmt::format("\\u{:04x}", static_cast<uint32_t>(point.value));
    } else {
      if (point.value == '\\') out += '\\';
      out += text.substr(0, bytes);
    }
    text.remove_prefix(bytes);
  }
  return out;
}

std::string shownText(const JsonValue& value, std::string_view name) {
  return visible(value.text(name));
}

size_t displayWidth(std::string_view text) {
  size_t width = 0;
  eachCharacter(text, [&](std::string_view, size_t columns) {
    width += columns;
    return true;
  });
  return width;
}

std::string cutText(std::string_view text, size_t width) {
  if (displayWidth(text) <= width) return std::string(text);
  const size_t dots = std::min<size_t>(width, 2);
  std::string out;
  size_t used = 0;
  eachCharacter(text, [&](std::string_view bytes, size_t columns) {
    if (used + columns + dots > width) return false;
    out += bytes;
    used += columns;
    return true;
  });
  return out + std::string(dots, '.');
}

Result<Millis> parseTimeSpan(std::string_view text) {
  const auto wrong = [&] {
    return fail(fmt::format("\"{}\" is not a time; allowed: 500ms, 10s, 2m, 1h30m, or seconds",
                            printable(text, 40)));
  };
  int64_t total = 0;
  std::string_view rest = text;
  if (rest.empty()) return wrong();
  while (!rest.empty()) {
    const size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    if (digits == 0 || digits > 9) return wrong();
    const int64_t number = std::stoll(std::string(rest.substr(0, digits)));
    rest.remove_prefix(digits);
    const size_t letters = std::min(rest.find_first_of("0123456789"), rest.size());
    const std::string_view name =
        letters == 0 && digits == text.size() ? "s" : rest.substr(0, letters);
    const auto* unit = std::ranges::find(kDurationUnits, name, &DurationUnit::name);
    if (unit == kDurationUnits.end()) return wrong();
    total += number * unit->milliseconds;
    rest.remove_prefix(letters);
  }
  return Millis(total);
}

}  // namespace culvert
