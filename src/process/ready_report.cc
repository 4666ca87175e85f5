// SPDX-License-Identifier: GPL-3.0-or-later
// The ready report and its descriptor.
#include "process/ready_report.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/unique_fd.h"

namespace culvert {
namespace {

/// Returns 0 if `fd` is writable, or an errno.
int waitWritable(int fd, TimePoint deadline) {
  while (true) {
    auto left = std::chrono::ceil<Millis>(deadline - Clock::now()).count();
    pollfd entry{fd, POLLOUT, 0};
    int count = ::poll(&entry, 1, int(std::clamp<decltype(left)>(left, 0, INT_MAX)));
    if (count > 0) return 0;
    if (count == 0) return ETIMEDOUT;
    if (errno != EINTR) return errno;
  }
}

}  // namespace

std::string listeningLine(const BoundListener& listener) {
  return fmt::format("listening service={} address={}", listener.service, listener.address);
}

std::string readyText(const std::vector<BoundListener>& listeners) {
  std::string text;
  for (const BoundListener& listener : listeners) text += listeningLine(listener) + "\n";
  return text + "ready\n";
}

Result<void> checkReadyFd(int fd) {
  int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return fail(fmt::format("descriptor {} is not open", fd), EBADF);
  if ((flags & O_ACCMODE) == O_RDONLY)
    return fail(fmt::format("descriptor {} cannot be written", fd), EBADF);
  if (int own = ::fcntl(fd, F_GETFD); own >= 0) ::fcntl(fd, F_SETFD, own | FD_CLOEXEC);
  return {};
}

Result<void> writeReadyFd(int fd, std::string_view text, Millis limit) {
  const std::string what = fmt::format("cannot report to descriptor {}", fd);
  UniqueFd owned(fd > STDERR_FILENO ? fd : -1);  // standard output and error stay open
  const TimePoint deadline = Clock::now() + limit;
  while (!text.empty()) {
    if (int error = waitWritable(fd, deadline); error != 0) return failErrno(what, error);
    // If poll() reports a pipe as writable, the pipe takes PIPE_BUF bytes without blocking
    // (pipe(7)). So O_NONBLOCK is not needed. Setting it would also affect other processes that
    // share the descriptor.
    ssize_t size = ::write(fd, text.data(), std::min<size_t>(text.size(), PIPE_BUF));
    if (size < 0 && errno != EINTR && errno != EAGAIN) return failErrno(what, errno);
    if (size > 0) text.remove_prefix(size_t(size));
  }
  return {};
}

}  // namespace culvert
