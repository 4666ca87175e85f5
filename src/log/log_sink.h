// SPDX-License-Identifier: GPL-3.0-or-later
// LogSink is the target of rendered lines: syslog, or a descriptor (stderr, stdout, a file). A sink
// reports what it could not write instead of waiting, as far as the system allows (syslog() still
// blocks). Thread: one at a time (culvert-log, or the logging thread while culvert-log does not
// run).
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
  /// How many records were written, and the errno that prevented the next one (0: none; EAGAIN: not
  /// within the caller's patience, try again).
  struct Outcome {
    size_t taken = 0;
    int error = 0;
  };

  virtual ~LogSink() = default;

  /// Called once when the sink becomes active, before the first write().
  virtual void activate() {}

  /// Lines above the level will no longer be written.
  virtual void setLevel(LogLevel) {}

  /// Writes in order; waits at most `patience` for a sink that accepts nothing.
  virtual Outcome write(std::span<const LogRecord> records, Millis patience) = 0;

  /// Opens the target again. On failure the old one stays in use.
  virtual Result<void> reopen() { return {}; }

  /// The file's path, or nothing if there is no file to reopen.
  virtual std::string path() const { return {}; }
};

/// Writes lines to a descriptor. Regular files and block devices get everything in one write.
/// Targets that can block (pipes, sockets, character devices such as terminals) get pieces for
/// which poll() guarantees room, whether or not the descriptor blocks.
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
  std::string out_;           // begins with the rest of a partly written line
  std::vector<size_t> ends_;  // of the lines of a batch within it
  size_t restBytes_ = 0;
};

/// A log file; reopen() follows a file that was moved.
class FileSink final : public FdSink {
 public:
  /// Fails if the file cannot be opened for appending.
  static Result<std::unique_ptr<FileSink>> open(const LogOptions& options);

  Result<void> reopen() override;
  std::string path() const override { return options_.path; }

 private:
  FileSink(LogOptions options, UniqueFd fd);

  LogOptions options_;
  UniqueFd file_;
};

/// Opens the sink for these options. Fails if it cannot be opened or the facility is unknown.
Result<std::unique_ptr<LogSink>> openLogSink(const LogOptions& options);

/// Whether a syslog daemon accepts lines now (/dev/log). syslog(3) does not report lost lines.
Result<void> checkSyslog();

/// A sink for syslog(3) with the ident "culvert". Fails if the facility is unknown. Its settings
/// are process-wide: only one such sink can be active.
Result<std::unique_ptr<LogSink>> openSyslogSink(const LogOptions& options);

}  // namespace culvert
