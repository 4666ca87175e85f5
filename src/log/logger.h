// SPDX-License-Identifier: GPL-3.0-or-later
// Logger takes lines from every thread and never makes one wait: a bounded ring under a short
// mutex, emptied by the thread culvert-log, which alone writes (glibc's syslog() and a stuck pipe
// block). What does not fit is dropped, counted, and summed up in one line when the sink takes
// lines again. Thread: any, but where a method says otherwise.
//
// Before start() and after stop() the calling thread writes the line itself, so that errors of the
// start are seen. Nothing here forks: --daemon has forked before start(), and start() comes after
// the privilege drop. The process ignores SIGPIPE; the thread blocks every signal besides.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>

#include "base/clock.h"
#include "base/result.h"
#include "base/stray_thread.h"
#include "log/log_line.h"
#include "log/log_options.h"

namespace culvert {

class LogCore;
class LogSink;

/// How much the logger holds back and repeats; the defaults are the daemon's, tests make them
/// small.
struct LogLimits {
  size_t ringLines = 4096;
  size_t ringBytes = 1024 * 1024;
  uint32_t burst = 5;          ///< lines of one collapse key per window
  Millis window{10000};        ///< the collapse window
  size_t collapseKeys = 1024;  ///< the oldest is summed up to make room
  Millis retryPause{1000};     ///< after ENOSPC, EPIPE and their like
};

/// Totals since the start, for the counter snapshot.
struct LogCounts {
  uint64_t written = 0;
  uint64_t dropped = 0;     ///< lost: the ring was full or the sink refused
  uint64_t suppressed = 0;  ///< repeats that were summed up instead
};

class Logger {
 public:
  /// Writes text to stderr from level info until configured.
  explicit Logger(LogLimits limits = {});
  ~Logger();  ///< stop() with its default, where that was not called
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  bool enabled(LogLevel level) const {
    return static_cast<uint8_t>(level) <= level_.load(std::memory_order_relaxed);
  }

  /// Takes the line where its level is enabled. Never blocks (once started), never throws.
  void log(const LogLine& line) noexcept;
  void log(LogLevel level, std::string_view message) noexcept {
    tell(level, [&] { return LogLine(level, message); });
  }
  /// log() of the line that `make` returns, where that has memory for it; else it counts as lost.
  template <class Make>
  void tell(LogLevel level, const Make& make) noexcept {
    if (!enabled(level)) return;
    try {
      log(make());
    } catch (const std::bad_alloc&) {
      lose();
    }
  }

  /// Opens the target and puts all options into force: lines logged before still go to the old
  /// target. Fails, and changes nothing, where the file cannot be opened or the facility has no
  /// such name. Control thread.
  [[nodiscard]] Result<void> configure(const LogOptions& options);
  /// The level alone. Control thread.
  void setLevel(LogLevel level);

  /// Creates the thread culvert-log, where `onThreadStart` (may be empty) runs first. Control
  /// thread, once.
  [[nodiscard]] Result<void> start(const std::function<void()>& onThreadStart = {});

  /// Counts a line that could not even be made. Thread: any.
  void lose() noexcept;

  /// Opens the log file anew (after rotation). A file that cannot be opened leaves the old one in
  /// use and is logged.
  void reopen();

  /// Writes what is waiting, for at most `limit`, and ends the thread; a thread stuck in its sink
  /// is left behind, and later lines are dropped. Returns false where the thread was left behind.
  /// Control thread.
  bool stop(Millis limit = Millis(500));

  /// True where the log goes to stderr: what was said there need not be said again.
  bool writesToStderr() const { return toStderr_.load(std::memory_order_relaxed); }

  LogCounts counts() const;

 private:
  std::shared_ptr<LogCore>
      core_;  // shared with the thread, which may outlive us when its sink is stuck
  std::atomic<uint8_t> level_;
  std::atomic<bool> toStderr_{true};
  StrayThread thread_;
  bool leftBehind_ = false;
};

}  // namespace culvert
