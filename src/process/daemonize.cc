// SPDX-License-Identifier: GPL-3.0-or-later
// daemonize() forks twice, so that the daemon is not a session leader and can never get a
// controlling terminal. The daemon reports the result of the start to the waiting command through a
// socket pair: one byte with the exit code.
#include "process/daemonize.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace culvert {
namespace {

constexpr int kDiedAtStart = 1;  // the exit code "fatal error at run time"

void waitFor(pid_t child) {
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
}

/// Runs in the first process and exits with the code that the daemon reports. Calls _exit(),
/// because buffered output was flushed before the fork.
[[noreturn]] void waitAndExit(int statusFd) {
  uint8_t code = kDiedAtStart;
  ssize_t size;
  do {
    size = ::read(statusFd, &code, 1);
  } while (size < 0 && errno == EINTR);
  // If the socket was closed without a report, the daemon was killed or crashed and could not write
  // a message itself.
  if (size != 1) {
    static constexpr char kWords[] = "culvert: the daemon died before it was ready\n";
    [[maybe_unused]] ssize_t ignored = ::write(STDERR_FILENO, kWords, sizeof kWords - 1);
    code = kDiedAtStart;
  }
  ::_exit(code);
}

void report(UniqueFd& status, uint8_t code) {
  // MSG_NOSIGNAL prevents SIGPIPE, because the waiting command may have been killed meanwhile.
  ssize_t size;
  do {
    size = ::send(status.get(), &code, 1, MSG_NOSIGNAL);
  } while (size < 0 && errno == EINTR);
  status.reset();
}

}  // namespace

void DaemonStart::ready() {
  if (!detached()) return;
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (null) {
    std::fflush(nullptr);
    for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null.get(), fd);
  }
  report(status_, 0);
}

void DaemonStart::failed(int exitCode) {
  if (!detached()) return;
  std::fflush(nullptr);
  report(status_, uint8_t(exitCode));
}

Result<DaemonStart> daemonize() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return failErrno("cannot detach", errno);
  UniqueFd readEnd(ends[0]);
  UniqueFd writeEnd(ends[1]);
  std::fflush(nullptr);

  pid_t first = ::fork();
  if (first < 0) return failErrno("cannot detach", errno);
  if (first > 0) {
    writeEnd.reset();
    waitFor(first);
    waitAndExit(readEnd.get());
  }
  readEnd.reset();
  ::setsid();  // cannot fail, because a forked child is not a group leader
  pid_t second = ::fork();
  if (second < 0) std::perror("culvert: cannot detach");
  if (second != 0) ::_exit(0);
  DaemonStart start;
  start.status_ = std::move(writeEnd);
  return start;
}

}  // namespace culvert
