// SPDX-License-Identifier: GPL-3.0-or-later
#include "log/log_sink.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <new>
#include <utility>
#include <vector>

#include "base/append_file.h"
#include "base/paths.h"

namespace culvert {

namespace {

// When poll() reports a pipe as writable, the pipe has room for this many bytes. The kernel does
// not mix a write of at most this size with writes of other processes (pipe(7)).
constexpr size_t kPiece = PIPE_BUF;

constexpr size_t kUsualBatch = 80 * 1024;
constexpr size_t kUsualLines = 512;

// Returns true if `fd` is the journal's socket. systemd gives the device and inode of that socket
// in JOURNAL_STREAM as DEVICE:INODE (systemd.exec(5)).
bool isJournal(int fd) {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat info {};
  if (stream == nullptr || ::fstat(fd, &info) != 0) return false;
  return fmt::format("{}:{}", info.st_dev, info.st_ino) == stream;
}

bool canBlock(int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return true;
  return !S_ISREG(info.st_mode) && !S_ISBLK(info.st_mode);
}

// Returns the size of the next piece: as many whole lines as fit, or a part of one line that is
// longer than a piece.
size_t pieceSize(std::string_view bytes) {
  if (bytes.size() <= kPiece) return bytes.size();
  const size_t end = bytes.rfind('\n', kPiece - 1);
  return end == std::string_view::npos ? kPiece : end + 1;
}

Result<UniqueFd> openLogFile(const LogOptions& options) {
  AppendOptions made;
  made.owner = options.fileOwner;
  made.group = options.fileGroup;
  auto fd = openForAppend(options.path, made);
  if (!fd)
    return fail(fmt::format("cannot open log file {}: {}{}", options.path, fd.error().text,
                            quoteNote(options.path)),
                fd.error().sysErrno);
  return fd;
}

}  // namespace

FdSink::FdSink(int fd) {
  // Reserve room for a usual batch, so that it can be written when memory has run out.
  out_.reserve(kUsualBatch);
  ends_.reserve(kUsualLines);
  setFd(fd);
}

void FdSink::setFd(int fd) {
  fd_ = fd;
  out_.clear();  // do not write the rest of a line to another file
  restBytes_ = 0;
  canBlock_ = canBlock(fd);
  journal_ = isJournal(fd);
}

void FdSink::appendLine(const LogRecord& record) {
  if (journal_) {
    fmt::format_to(std::back_inserter(out_), "<{}>", static_cast<unsigned>(record.level));
  } else if (record.format == LogFormat::kText) {
    out_ += renderTime(record.time);
    out_ += ' ';
    out_ += logLevelName(record.level);
    out_ += ' ';
  }
  out_ += record.body;
  out_ += '\n';
}

// Returns 0 if all bytes were written, otherwise an errno. In both cases `*written` is the number
// of bytes written.
int FdSink::writeOut(std::string_view bytes, Millis patience, size_t* written) {
  const TimePoint deadline = Clock::now() + patience;
  while (*written < bytes.size()) {
    std::string_view piece = bytes.substr(*written);
    if (canBlock_) {
      piece = piece.substr(0, pieceSize(piece));
      const auto left = std::chrono::ceil<Millis>(deadline - Clock::now());
      struct pollfd ready {
        fd_, POLLOUT, 0
      };
      const int count = ::poll(&ready, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
      if (count < 0 && errno != EINTR) return errno;
      if (count < 0) continue;
      if (count == 0) return EAGAIN;
      // Call write() after POLLERR and POLLHUP too, because write() returns the error.
    }
    const ssize_t sent = ::write(fd_, piece.data(), piece.size());
    if (sent >= 0) {
      *written += static_cast<size_t>(sent);
    } else if (errno == EAGAIN && canBlock_ && Clock::now() < deadline) {
      // The pipe has room, but not enough for this piece, and a nonblocking pipe accepts a piece as
      // a whole or not at all. So retry after 1 ms.
      ::poll(nullptr, 0, 1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

LogSink::Outcome FdSink::write(std::span<const LogRecord> records, Millis patience) {
  // At this point out_ has at most the rest of one line. That line was counted when its beginning
  // was written.
  ends_.clear();
  try {
    for (const LogRecord& record : records) {
      appendLine(record);
      ends_.push_back(out_.size());
    }
  } catch (const std::bad_alloc&) {
    out_.resize(restBytes_);
    return {0, ENOMEM};
  }
  size_t written = 0;
  const int error = writeOut(out_, patience, &written);

  Outcome outcome{0, error};
  size_t keepUntil = restBytes_;  // end of the line that was being written
  for (size_t i = 0; i < ends_.size(); ++i) {
    const size_t begin = i == 0 ? restBytes_ : ends_[i - 1];
    if (written <= begin && error != 0) break;
    outcome.taken = i + 1;
    keepUntil = ends_[i];
  }
  keepUntil = std::max(keepUntil, written);
  out_.erase(keepUntil);
  out_.erase(0, written);
  restBytes_ = out_.size();
  return outcome;
}

Result<std::unique_ptr<FileSink>> FileSink::open(const LogOptions& options) {
  auto fd = openLogFile(options);
  if (!fd) return tl::unexpected(fd.error());
  return std::unique_ptr<FileSink>(new FileSink(options, std::move(*fd)));
}

FileSink::FileSink(LogOptions options, UniqueFd fd)
    : FdSink(fd.get()), options_(std::move(options)), file_(std::move(fd)) {}

Result<void> FileSink::reopen() {
  auto fd = openLogFile(options_);
  if (!fd) return tl::unexpected(fd.error());
  file_ = std::move(*fd);
  setFd(file_.get());
  return {};
}

Result<std::unique_ptr<LogSink>> openLogSink(const LogOptions& options) {
  switch (options.target) {
    case LogTarget::kAuto:  // the caller has replaced kAuto
    case LogTarget::kStderr:
      return std::make_unique<FdSink>(STDERR_FILENO);
    case LogTarget::kStdout:
      return std::make_unique<FdSink>(STDOUT_FILENO);
    case LogTarget::kSyslog:
      return openSyslogSink(options);
    case LogTarget::kFile:
      break;
  }
  auto file = FileSink::open(options);
  if (!file) return tl::unexpected(file.error());
  return std::unique_ptr<LogSink>(std::move(*file));
}

}  // namespace culvert
