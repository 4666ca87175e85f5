// SPDX-License-Identifier: GPL-3.0-or-later
// RepeatFilter keeps repeats out of the log. Of the lines with one collapse key, the first few of a
// window pass, and two from each further source. The others are counted. The end of the window
// yields one line with their number and the number of sources. The caller passes the time, and the
// tables are bounded. Thread: one owner at a time (the logger's mutex).
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
  /// For one key, the number of sources whose lines pass in a window, and the number that are
  /// counted.
  static constexpr size_t kSourcesPassed = 32, kSourcesCounted = 256;
  /// Lines that pass for a source whose first line came after the burst.
  static constexpr uint32_t kSourceBurst = 2;
  /// Number of sources that a summary names.
  static constexpr size_t kSourcesNamed = 4;

  /// `burst` lines pass in each `window`; the filter tracks at most `maxKeys` keys (at least 1).
  RepeatFilter(uint32_t burst, Millis window, size_t maxKeys);

  /// Whether to suppress the line. Lines without a collapse key are never suppressed.
  bool suppress(const LogLine& line, TimePoint now);

  /// When takeDue() will have its next summary; kNever if nothing was suppressed.
  TimePoint nextDue() const;

  /// The summaries of the windows that have ended, oldest first: `repeated 12 times in 10 s:
  /// MESSAGE` with the fields of the last suppressed line and repeated=12. If the lines have
  /// sources, also sources=5 and first_sources="A, B, C, D, ..".
  std::vector<LogLine> takeDue(TimePoint now);

  /// Ends every window now (the log is closing).
  std::vector<LogLine> takeAll(TimePoint now);

  /// Number of summaries dropped since the last call because takeDue() was not called (the log's
  /// thread is blocked). At most one summary for each key is kept.
  uint64_t takeLost() { return std::exchange(lost_, 0); }

 private:
  struct Source {
    size_t hash;  // of its name; sources with equal hashes count as one
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
    std::string named{};  // the first of these sources
  };
  using Windows = std::list<Window>;  // in the order in which they open and end

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
  std::unordered_map<std::string_view, Windows::iterator> byKey_;  // the keys are in windows_
  size_t holding_ = 0;                                             // windows with suppressed lines
  std::vector<LogLine> due_;
  uint64_t lost_ = 0;
};

}  // namespace culvert
