// SPDX-License-Identifier: GPL-3.0-or-later
// RepeatFilter keeps repeats out of the log: of the lines with one collapse key the first few of a
// window pass, and of each further source the first two; the rest is counted, and the window's end
// yields one line that says how many there were, and of how many sources. Time is the caller's, the
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
  /// Of one key, so many sources pass lines in a window and so many are counted.
  static constexpr size_t kSourcesPassed = 32, kSourcesCounted = 256;
  /// Lines that pass for a source that came when the burst was over.
  static constexpr uint32_t kSourceBurst = 2;
  /// Sources that a summary names.
  static constexpr size_t kSourcesNamed = 4;

  /// `burst` lines pass per `window`; at most `maxKeys` keys (at least 1) are followed at a time.
  RepeatFilter(uint32_t burst, Millis window, size_t maxKeys);

  /// Whether the line is to be left out. Lines without a collapse key never are.
  bool suppress(const LogLine& line, TimePoint now);

  /// When takeDue() will next have something to say; kNever where nothing is held back.
  TimePoint nextDue() const;

  /// The summaries of the windows that have ended, oldest first: `repeated 12 times in 10 s:
  /// MESSAGE` with the fields of the last line left out, repeated=12, and where the lines have
  /// sources, sources=5 and first_sources="A, B, C, D, ..".
  std::vector<LogLine> takeDue(TimePoint now);

  /// Ends every window now (the log is closing).
  std::vector<LogLine> takeAll(TimePoint now);

  /// Summaries thrown away since the last call because nobody took them (the log's thread is
  /// stuck); as many as there are keys are kept.
  uint64_t takeLost() { return std::exchange(lost_, 0); }

 private:
  struct Source {
    size_t hash;  // of its name: two that share one count as one
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
    std::string named{};  // the first of those
  };
  using Windows = std::list<Window>;  // in the order of opening, which is the order of ending

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
  std::unordered_map<std::string_view, Windows::iterator> byKey_;  // the keys live in windows_
  size_t holding_ = 0;  // windows with something suppressed
  std::vector<LogLine> due_;
  uint64_t lost_ = 0;
};

}  // namespace culvert
