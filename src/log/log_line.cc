// SPDX-License-Identifier: GPL-3.0-or-later
#include "log/log_line.h"

#include <cmath>
#include <iterator>

#include "base/utf8.h"

namespace culvert {

namespace {
constexpr std::string_view kCut = "...";
}

LogLine::LogLine(LogLevel level, std::string_view message) : level_(level) {
  append(message);
  messageEnd_ = static_cast<uint32_t>(arena_.size());
}

void LogLine::append(std::string_view value) {
  if (value.size() <= kMaxValueBytes) {
    arena_.append(value);
    return;
  }
  size_t keep = kMaxValueBytes - kCut.size();
  // Step back over at most three continuation bytes, so that the cut does not split a UTF-8
  // sequence.
  for (int i = 0; i < 3 && continuesUtf8(value[keep]); ++i) --keep;
  arena_.append(value.substr(0, keep)).append(kCut);
}

LogLine& LogLine::add(std::string_view key, std::string_view value) {
  const auto begin = static_cast<uint32_t>(arena_.size());
  append(value);
  fields_.push_back({key, begin, static_cast<uint32_t>(arena_.size()), false});
  return *this;
}

LogLine& LogLine::addBare(std::string_view key, std::string_view value) {
  add(key, value);
  fields_.back().bare = true;
  return *this;
}

LogLine& LogLine::add(std::string_view key, bool value) {
  return addBare(key, value ? "true" : "false");
}

LogLine& LogLine::add(std::string_view key, double value) {
  const std::string digits = fmt::format("{}", value);
  // Write infinity and not-a-number as strings, because JSON has no such numbers.
  return std::isfinite(value) ? addBare(key, digits) : add(key, digits);
}

LogLine& LogLine::addMillis(std::string_view key, double milliseconds) {
  if (!std::isfinite(milliseconds)) return add(key, milliseconds);
  fmt::memory_buffer digits;
  fmt::format_to(std::back_inserter(digits), "{:.3f}", milliseconds);
  return addBare(key, std::string_view(digits.data(), digits.size()));
}

LogLine LogLine::withMessage(std::string_view message) const {
  LogLine copy(level_, message);
  copy.arena_.reserve(copy.arena_.size() + arena_.size() - messageEnd_);
  for (const Field& field : fields_) {
    copy.add(field.key, value(field));
    copy.fields_.back().bare = field.bare;
  }
  return copy;
}

}  // namespace culvert
