// SPDX-License-Identifier: GPL-3.0-or-later
// Logger accepts lines from every thread and never blocks the caller. It puts lines into a bounded
// ring under a mutex that is held only briefly. Only the thread culvert-log takes lines from the
// ring and writes them, because glibc's syslog() and a write to a full pipe can block. If the ring
// is full, lines are dropped and counted. When the sink works again, one line reports the number of
// dropped lines. Thread: any, unless a method says otherwise.
//
// Before start() and after stop() the calling thread writes the line itself, so that errors at
// start are visible. Call start() after --daemon has forked and after the privilege drop. The
// process ignores SIGPIPE, and culvert-log blocks all other signals.
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
class RecentLines;

/// Limits of the logger. The defaults are for the daemon; tests use smaller ones.
struct LogLimits {
  size_t ringLines = 4096;
  size_t ringBytes = 1024 * 1024;
  uint32_t burst = 5;    ///< number of lines with one collapse key that are written in each window
  Millis window{10000};  ///< length of the window in which repeats are counted
  size_t collapseKeys = 1024;  ///< if there are more keys, the oldest window ends early
  Millis retryPause{1000};     ///< pause after ENOSPC, EPIPE and similar errors
};

/// Totals since the start of the process, for the counter snapshot.
struct LogCounts {
  uint64_t written = 0;
  uint64_t dropped = 0;     ///< lines lost because the ring was full or the sink failed
  uint64_t suppressed = 0;  ///< repeated lines that only a summary counts
};

class Logger {
 public:
  /// Until configure() is called, writes lines of level info and more severe as text to stderr.
  explicit Logger(LogLimits limits = {});
  ~Logger();  ///< calls stop() if it was not called
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  bool enabled(LogLevel level) const {
    return static_cast<uint8_t>(level) <= level_.load(std::memory_order_relaxed);
  }

  /// Logs the line if its level is enabled. Never throws; after start() never blocks.
  void log(const LogLine& line) noexcept;
  void log(LogLevel level, std::string_view message) noexcept {
    tell(level, [&] { return LogLine(level, message); });
  }
  /// Logs the line that `make` returns. If memory runs out, the line counts as lost.
  template <class Make>
  void tell(LogLevel level, const Make& make) noexcept {
    if (!enabled(level)) return;
    try {
      log(make());
    } catch (const std::bad_alloc&) {
      lose();
    }
  }

  /// Opens the target and applies all options. Lines logged before this call still go to the old
  /// target. Fails if the file cannot be opened or the facility is unknown; in that case nothing
  /// changes. Thread: control.
  [[nodiscard]] Result<void> configure(const LogOptions& options);
  /// Changes the level and no other option. Thread: control.
  void setLevel(LogLevel level);

  /// Creates the thread culvert-log, which first runs `onThreadStart` (may be empty). Call this
  /// once. Thread: control.
  [[nodiscard]] Result<void> start(const std::function<void()>& onThreadStart = {});

  /// Counts a line that was lost because memory ran out while the line was being made. Thread: any.
  void lose() noexcept;

  /// Opens the log file again (after rotation). If the file cannot be opened, logs the failure and
  /// keeps using the old file.
  void reopen();

  /// Begins to keep the warnings and errors of the last hour. The result is valid as long as the
  /// Logger.
  const RecentLines& keepRecent();

  /// Writes the waiting lines and ends the thread. If the thread is blocked in its sink and has not
  /// ended after `limit`, returns false. The thread is then left running, and later lines are
  /// dropped. Thread: control.
  bool stop(Millis limit = Millis(500));

  /// True if the log goes to stderr. Callers then need not print a logged line to stderr again.
  bool writesToStderr() const { return toStderr_.load(std::memory_order_relaxed); }

  LogCounts counts() const;

 private:
  std::shared_ptr<LogCore>
      core_;  // shared with the thread, which may outlive the Logger if its sink blocks
  std::atomic<uint8_t> level_;
  std::atomic<bool> toStderr_{true};
  StrayThread thread_;
  bool leftBehind_ = false;
};

}  // namespace culvert
