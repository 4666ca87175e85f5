// SPDX-License-Identifier: GPL-3.0-or-later
// LogSink is where rendered lines go: syslog, or a descriptor (stderr, stdout, a file). A sink says
// what it could not take instead of waiting for it, as far as the system lets it (syslog() blocks
// all the same). Thread: one at a time (culvert-log, or whoever logs while that does not run).
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "log/log_options.h"
#include "log/log_render.h"

namespace culvert {

/// A line rendered by the thread that logged it.
struct LogRecord {
  LogLevel level;
  LogFormat format;
  WallTime time;
  std::string body;
};

class LogSink {
 public:
  /// How many records were taken, and the errno that kept the next from being taken (0: none;
  /// EAGAIN: not within the caller's patience, try again).
  struct Outcome {
    size_t taken = 0;
    int error = 0;
  };

  virtual ~LogSink() = default;

  /// Called once, before the first write(), when the sink comes into force.
  virtual void activate() {}

  /// Lines above the level do not come any more.
  virtual void setLevel(LogLevel) {}

  /// Writes in order; waits at most `patience` for a sink that takes nothing.
  virtual Outcome write(std::span<const LogRecord> records, Millis patience) = 0;

  /// Opens the target anew. On failure the old one stays in use.
  virtual Result<void> reopen() { return {}; }

  /// The file's path, or nothing where there is none to reopen.
  virtual std::string path() const { return {}; }
};

/// Writes lines to a descriptor: regular files and block devices in one piece, everything that
/// can be stuck (pipes, sockets, character devices such as terminals) in pieces that poll() has
/// promised room for, whether the descriptor blocks or not.
class FdSink : public LogSink {
 public:
  /// Does not own `fd`: 1 and 2 belong to the process.
  explicit FdSink(int fd);

  Outcome write(std::span<const LogRecord> records, Millis patience) override;

 protected:
  void setFd(int fd);

 private:
  void appendLine(const LogRecord& record);
  int writeOut(std::string_view bytes, Millis patience, size_t* written);

  int fd_ = -1;
  bool canBlock_ = false;
  bool journal_ = false;      // the descriptor is systemd's journal: "<N>" instead of the time
  std::string out_;           // begins with the rest of a line that was cut off
  std::vector<size_t> ends_;  // of the lines of a batch within it
  size_t restBytes_ = 0;
};

/// A log file, kept at its path by reopen().
class FileSink final : public FdSink {
 public:
  /// Fails where the file cannot be opened for appending.
  static Result<std::unique_ptr<FileSink>> open(const LogOptions& options);

  Result<void> reopen() override;
  std::string path() const override { return options_.path; }

 private:
  FileSink(LogOptions options, UniqueFd fd);

  LogOptions options_;
  UniqueFd file_;
};

/// The sink that the options ask for, opened. Fails where it cannot be opened or the facility is
/// unknown.
Result<std::unique_ptr<LogSink>> openLogSink(const LogOptions& options);

/// Whether a syslog daemon takes lines now (/dev/log). syslog(3) itself says nothing when they are
/// lost.
Result<void> checkSyslog();

/// syslog(3) with the ident "culvert"; fails where the facility is unknown. Process-wide: one at a
/// time in force.
Result<std::unique_ptr<LogSink>> openSyslogSink(const LogOptions& options);

}  // namespace culvert
