// SPDX-License-Identifier: GPL-3.0-or-later
// sd_notify(3): each message is one datagram with one assignment per line.
#include "process/sd_notify.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>

#include "base/unique_fd.h"

namespace culvert {
namespace {

constexpr int kPatienceMs = 1000;

/// Puts a status on one line, because a line end would start another assignment.
std::string statusLine(std::string_view text) {
  std::string line(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return "STATUS=" + line + "\n";
}

uint64_t monotonicMicros() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return uint64_t(now.tv_sec) * 1000000 + uint64_t(now.tv_nsec) / 1000;
}

}  // namespace

SdNotify SdNotify::fromEnvironment() {
  SdNotify notify;
  const char* value = std::getenv("NOTIFY_SOCKET");
  if (value == nullptr) return notify;
  std::string name(value);
  unsetenv("NOTIFY_SOCKET");  // child processes must not inherit the variable
  if (name.size() < 2 || (name[0] != '/' && name[0] != '@')) return notify;
  if (name[0] == '@') name[0] = '\0';
  notify.socket_ = SocketAddress::unixPath(name);
  return notify;
}

bool SdNotify::ready(std::string_view status) {
  std::string message = fmt::format("READY=1\nMAINPID={}\n", ::getpid());
  return send(status.empty() ? message : message + statusLine(status));
}

bool SdNotify::reloading() {
  return send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\n", monotonicMicros()));
}

bool SdNotify::stopping(std::string_view status) {
  std::string message = "STOPPING=1\n";
  return send(status.empty() ? message : message + statusLine(status));
}

bool SdNotify::send(const std::string& message) {
  if (!enabled()) return false;
  // Each message gets a new socket, because messages are rare and the manager may have been
  // restarted since the last message.
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return false;
  while (::connect(fd.get(), socket_.get(), socket_.length()) != 0) {
    if (errno != EINTR) return false;
  }
  pollfd entry{fd.get(), POLLOUT, 0};
  while (::send(fd.get(), message.data(), message.size(), MSG_NOSIGNAL) < 0) {
    if (errno == EINTR) continue;
    // If the manager's queue is full, wait at most kPatienceMs, because the manager must not block
    // the daemon.
    if (errno != EAGAIN || ::poll(&entry, 1, kPatienceMs) != 1) return false;
  }
  return true;
}

}  // namespace culvert
