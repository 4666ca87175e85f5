// SPDX-License-Identifier: GPL-3.0-or-later
// RepeatFilter keeps repeats out of the log: of the lines with one collapse key the first few of a
// window pass, the rest is counted, and the window's end yields one line that says how many there
// were. Time is the caller's, the table is bounded. Thread: one owner at a time (the logger's
// mutex).
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
  /// `burst` lines pass per `window`; at most `maxKeys` keys (at least 1) are followed at a time.
  RepeatFilter(uint32_t burst, Millis window, size_t maxKeys);

  /// Whether the line is to be left out. Lines without a collapse key never are.
  bool suppress(const LogLine& line, TimePoint now);

  /// When takeDue() will next have something to say; kNever where nothing is held back.
  TimePoint nextDue() const;

  /// The summaries of the windows that have ended, oldest first: `repeated 12 times in 10 s:
  /// MESSAGE` with the fields of the last line left out, and repeated=12.
  std::vector<LogLine> takeDue(TimePoint now);

  /// Ends every window now (the log is closing).
  std::vector<LogLine> takeAll(TimePoint now);

  /// Summaries thrown away since the last call because nobody took them (the log's thread is
  /// stuck); as many as there are keys are kept.
  uint64_t takeLost() { return std::exchange(lost_, 0); }

 private:
  struct Window {
    std::string key;
    TimePoint opened;
    uint32_t passed = 0;
    uint64_t suppressed = 0;
    LogLine last{LogLevel::kInfo, ""};
  };
  using Windows = std::list<Window>;  // in the order of opening, which is the order of ending

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
