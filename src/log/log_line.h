// SPDX-License-Identifier: GPL-3.0-or-later
// LogLine is one event for the log: a level, a message and ordered key=value fields. LogLine only
// collects them; log_render.h turns a LogLine into text or JSON. Thread: any (one owner at a time).
#pragma once

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

/// The severities of syslog with their numbers (RFC 5424 6.2.1). A smaller number is more severe.
enum class LogLevel : uint8_t { kEmerg, kAlert, kCrit, kErr, kWarning, kNotice, kInfo, kDebug };

/// The names of the levels in the option `log-level` and in the log, indexed by LogLevel.
inline constexpr std::array<std::string_view, 8> kLogLevelNames = {
    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"};

constexpr std::string_view logLevelName(LogLevel level) {
  return kLogLevelNames[static_cast<size_t>(level)];
}

class LogLine {
 public:
  struct Field {
    std::string_view key;
    uint32_t begin;  // where the value begins in the arena
    uint32_t end;
    bool bare;  // true for numbers and booleans, which JSON writes without quotes
  };

  /// The maximum length of a message or value. Longer texts are cut and end in "...", so that a
  /// peer cannot make a line of unlimited size.
  static constexpr size_t kMaxValueBytes = 4096;

  LogLine(LogLevel level, std::string_view message);

  /// Appends a field. `key` must outlive the line; `value` is copied and may contain any bytes.
  LogLine& add(std::string_view key, std::string_view value);
  LogLine& add(std::string_view key, const char* value) {
    return add(key, std::string_view(value));
  }
  LogLine& add(std::string_view key, bool value);
  LogLine& add(std::string_view key, double value);
  template <std::integral T>
  LogLine& add(std::string_view key, T value) {
    const fmt::format_int digits(value);
    return addBare(key, std::string_view(digits.data(), digits.size()));
  }

  /// Appends the field only if the value is not empty.
  LogLine& addNonEmpty(std::string_view key, std::string_view value) {
    return value.empty() ? *this : add(key, value);
  }

  /// Appends a number of milliseconds with three decimals, for example "12.345".
  LogLine& addMillis(std::string_view key, double milliseconds);
  template <class Rep, class Period>
  LogLine& addMillis(std::string_view key, std::chrono::duration<Rep, Period> value) {
    return addMillis(key, std::chrono::duration<double, std::milli>(value).count());
  }

  /// Limits repeats of a line. In each time window, only the first few lines with the same collapse
  /// key are written. Later lines are only counted, and one summary reports their number. The key
  /// must come from a limited set (for example service and reason) and never from a peer, because
  /// each new key gets its own lines. `source` names the peer, if any. For each key, a limited
  /// number of sources get a few lines of their own.
  LogLine& collapseBy(std::string key, std::string source = {}) {
    collapseKey_ = std::move(key);
    collapseSource_ = std::move(source);
    return *this;
  }

  /// Returns a line with the same level and fields, but with another message and without collapse
  /// key and source.
  LogLine withMessage(std::string_view message) const;

  LogLevel level() const { return level_; }
  std::string_view message() const { return std::string_view(arena_).substr(0, messageEnd_); }
  const std::vector<Field>& fields() const { return fields_; }
  std::string_view value(const Field& field) const {
    return std::string_view(arena_).substr(field.begin, field.end - field.begin);
  }
  const std::string& collapseKey() const { return collapseKey_; }
  const std::string& collapseSource() const { return collapseSource_; }

 private:
  LogLine& addBare(std::string_view key, std::string_view value);
  void append(std::string_view value);

  LogLevel level_;
  uint32_t messageEnd_ = 0;
  std::string arena_;  // the message, then the values
  std::vector<Field> fields_;
  std::string collapseKey_;
  std::string collapseSource_;
};

}  // namespace culvert
