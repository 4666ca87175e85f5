// SPDX-License-Identifier: GPL-3.0-or-later
// RepeatFilter keeps repeated lines out of the log. In each time window it lets the first few lines
// with one collapse key pass, and then two lines from each new source. It suppresses and counts the
// other lines. When the window ends, it makes a summary line with the number of suppressed lines
// and of their sources. Callers pass the current time. All tables have a size limit. Thread: one
// owner at a time (the logger's mutex).
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "log/log_line.h"

namespace culvert {

class RepeatFilter {
 public:
  /// Limits for each key and window: kSourcesPassed sources can have lines that pass, and
  /// kSourcesCounted sources are counted.
  static constexpr size_t kSourcesPassed = 32, kSourcesCounted = 256;
  /// Number of lines that pass for each source whose first line arrives after `burst` lines.
  static constexpr uint32_t kSourceBurst = 2;
  /// Number of sources that a summary names.
  static constexpr size_t kSourcesNamed = 4;

  /// `burst` is the number of lines that pass for each key in each `window`. The filter tracks at
  /// most `maxKeys` keys (at least 1).
  RepeatFilter(uint32_t burst, Millis window, size_t maxKeys);

  /// Returns true if the line must not be logged, and counts the line in that case. Lines without a
  /// collapse key are never suppressed.
  bool suppress(const LogLine& line, TimePoint now);

  /// Returns when takeDue() will return the next summary; kNever if no line was suppressed.
  TimePoint nextDue() const;

  /// Returns the summaries of the windows that have ended, oldest first. A summary is `repeated 12
  /// times in 10 s: MESSAGE`, with the fields of the last suppressed line and repeated=12. If the
  /// lines have sources, the summary also has sources=5 and first_sources="A, B, C, D, ..".
  std::vector<LogLine> takeDue(TimePoint now);

  /// Ends every window now, because the log is closing, and returns their summaries.
  std::vector<LogLine> takeAll(TimePoint now);

  /// Returns the number of summaries dropped since the last call. Summaries are dropped if more
  /// than `maxKeys` wait because takeDue() was not called (the log's thread is blocked).
  uint64_t takeLost() { return std::exchange(lost_, 0); }

 private:
  struct Source {
    size_t hash;  // hash of the source's name; equal hashes count as one source
    uint32_t passed = 0;
    bool suppressed = false;
  };
  struct Window {
    std::string key;
    TimePoint opened;
    uint32_t passed = 0;
    uint64_t suppressed = 0;
    LogLine last{LogLevel::kInfo, ""};
    std::vector<Source> sources{};
    size_t sourcesSuppressed = 0;
    std::string named{};  // the names of the first suppressed sources
  };
  using Windows = std::list<Window>;  // in the order in which the windows open and end

  bool passes(Window& window, const LogLine& line) const;
  static Source* sourceOf(Window& window, const std::string& name);
  static void countSource(Window& window, const std::string& name);
  LogLine summaryOf(const Window& window, TimePoint now) const;
  void closeFront(TimePoint now);
  void closeEnded(TimePoint now);

  uint32_t burst_;
  Millis window_;
  size_t maxKeys_;
  Windows windows_;
  std::unordered_map<std::string_view, Windows::iterator> byKey_;  // refers to keys in windows_
  size_t holding_ = 0;  // number of windows with suppressed lines
  std::vector<LogLine> due_;
  uint64_t lost_ = 0;
};

}  // namespace culvert
