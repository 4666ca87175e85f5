// SPDX-License-Identifier: GPL-3.0-or-later
// Logger accepts lines from every thread and never blocks one. Lines go to a bounded ring under a
// short mutex. Only the thread culvert-log empties the ring and writes, because glibc's syslog()
// and a full pipe block. If the ring is full, lines are dropped and counted, and one line reports
// their number when the sink works again. Thread: any, unless a method says otherwise.
//
// Before start() and after stop() the calling thread writes the line itself, so that errors of the
// start are visible. The logger does not fork: --daemon forks before start(), and start() follows
// the privilege drop. The process ignores SIGPIPE; the thread blocks all other signals.
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

/// Limits of the logger. The defaults are for the daemon; tests use smaller ones.
struct LogLimits {
  size_t ringLines = 4096;
  size_t ringBytes = 1024 * 1024;
  uint32_t burst = 5;          ///< lines of one collapse key per window
  Millis window{10000};        ///< the collapse window
  size_t collapseKeys = 1024;  ///< more keys end the oldest window early
  Millis retryPause{1000};     ///< after ENOSPC, EPIPE and similar errors
};

/// Totals since the start, for the counter snapshot.
struct LogCounts {
  uint64_t written = 0;
  uint64_t dropped = 0;     ///< lost: the ring was full or the sink failed
  uint64_t suppressed = 0;  ///< repeats that were only counted in a summary
};

class Logger {
 public:
  /// Writes text to stderr from level info on until configured.
  explicit Logger(LogLimits limits = {});
  ~Logger();  ///< calls stop() if it was not called
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  bool enabled(LogLevel level) const {
    return static_cast<uint8_t>(level) <= level_.load(std::memory_order_relaxed);
  }

  /// Logs the line if its level is enabled. Never blocks (once started), never throws.
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

  /// Opens the target and applies all options. Lines logged before still go to the old target. On
  /// failure nothing changes: the file cannot be opened or the facility is unknown. Control thread.
  [[nodiscard]] Result<void> configure(const LogOptions& options);
  /// Changes the level only. Control thread.
  void setLevel(LogLevel level);

  /// Creates the thread culvert-log, which runs `onThreadStart` (may be empty) first. Control
  /// thread, once.
  [[nodiscard]] Result<void> start(const std::function<void()>& onThreadStart = {});

  /// Counts a line that could not be made. Thread: any.
  void lose() noexcept;

  /// Opens the log file again (after rotation). If that fails, logs the failure and keeps the old
  /// file.
  void reopen();

  /// Writes the waiting lines, for at most `limit`, and ends the thread. If the thread is blocked
  /// in its sink, it is left behind, and later lines are dropped. Returns false in that case.
  /// Control thread.
  bool stop(Millis limit = Millis(500));

  /// True if the log goes to stderr: then what was logged need not be printed again.
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
