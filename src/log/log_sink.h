// SPDX-License-Identifier: GPL-3.0-or-later
// LogSink is the target of rendered lines: syslog, or a descriptor (stderr, stdout, a file). If a
// sink cannot write a line in time, it stops waiting and reports that line. Only syslog() may block
// for longer. Thread: one at a time (culvert-log, or the logging thread while culvert-log does not
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

/// A line for the log, rendered by the thread that logged the line.
struct LogRecord {
  LogLevel level;
  LogFormat format;
  WallTime time;
  std::string body;
};

class LogSink {
 public:
  /// `taken` is the number of records written, and `error` is the errno that stopped the next
  /// record. If all records were written, `error` is 0. EAGAIN means that `patience` has expired
  /// and the caller may try again.
  struct Outcome {
    size_t taken = 0;
    int error = 0;
  };

  virtual ~LogSink() = default;

  /// The Logger calls activate() once, when it starts to use the sink, before the first write().
  virtual void activate() {}

  /// Tells the sink the new level. The sink will get no lines with a higher level number.
  virtual void setLevel(LogLevel) {}

  /// Writes the records in order. Waits at most `patience` while the target accepts nothing.
  virtual Outcome write(std::span<const LogRecord> records, Millis patience) = 0;

  /// Opens the target again. If this fails, the sink keeps using the old file.
  virtual Result<void> reopen() { return {}; }

  /// The path of the log file; empty if the sink has no file to reopen.
  virtual std::string path() const { return {}; }
};

/// Writes lines to a descriptor. Regular files and block devices get a whole batch in one write.
/// Other targets (pipes, sockets, character devices such as terminals) can block. They get pieces
/// for which poll() guarantees room, so that a write never blocks, even on a blocking descriptor.
class FdSink : public LogSink {
 public:
  /// Does not close `fd`, because stdout and stderr belong to the process.
  explicit FdSink(int fd);

  Outcome write(std::span<const LogRecord> records, Millis patience) override;

 protected:
  void setFd(int fd);

 private:
  void appendLine(const LogRecord& record);
  int writeOut(std::string_view bytes, Millis patience, size_t* written);

  int fd_ = -1;
  bool canBlock_ = false;
  bool journal_ = false;      // true for systemd's journal: lines begin with "<N>" and have no time
  std::string out_;           // begins with the rest of a partly written line, if any
  std::vector<size_t> ends_;  // where the lines of the batch end in out_
  size_t restBytes_ = 0;
};

/// A log file. After the file was moved, reopen() creates a new file at the configured path.
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

/// Opens the sink for these options. Fails if the file cannot be opened or the facility is unknown.
Result<std::unique_ptr<LogSink>> openLogSink(const LogOptions& options);

/// Checks that a syslog daemon accepts lines now (/dev/log). This check is necessary because
/// syslog(3) does not report lost lines.
Result<void> checkSyslog();

/// Opens a sink for syslog(3) with the ident "culvert". Fails if the facility is unknown. Only one
/// syslog sink can be active, because the settings of syslog(3) apply to the whole process.
Result<std::unique_ptr<LogSink>> openSyslogSink(const LogOptions& options);

}  // namespace culvert
