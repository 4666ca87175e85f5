// SPDX-License-Identifier: GPL-3.0-or-later
// Connected sockets for tests: loopback TCP and UNIX pairs, both ends nonblocking, and what a test
// does with the other end. Thread: any.
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "net/socket_ops.h"

namespace culvert {

struct SocketPair {
  UniqueFd ours;
  UniqueFd theirs;
};

/// Waits for `events`, at most five seconds.
inline bool waitFd(int fd, short events, int millis = 5000) {
  pollfd entry{fd, events, 0};
  return ::poll(&entry, 1, millis) == 1;
}

/// Returns empty descriptors if the system refuses.
inline SocketPair tcpPair() {
  SocketPair pair;
  const auto listener = openListener(SocketAddress::ipv4(INADDR_LOOPBACK, 0));
  if (!listener) return pair;
  ConnectStart start = startConnect(boundAddress(listener->get()));
  if (!start.fd || !waitFd(start.fd.get(), POLLOUT) || connectResult(start.fd.get()) != 0)
    return pair;
  if (!waitFd(listener->get(), POLLIN)) return pair;
  pair.ours = std::move(start.fd);
  pair.theirs = acceptOne(listener->get()).fd;
  return pair;
}

inline SocketPair unixPair() {
  SocketPair pair;
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return pair;
  pair.ours.reset(ends[0]);
  pair.theirs.reset(ends[1]);
  return pair;
}

/// Sends all of `text`, waiting for room. Returns false if the other side is gone.
inline bool sendAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (n >= 0) {
      text.remove_prefix(static_cast<size_t>(n));
    } else if (errno != EAGAIN || !waitFd(fd, POLLOUT)) {
      return false;
    }
  }
  return true;
}

struct Received {
  std::string text;
  bool ended = false;  ///< FIN
  int error = 0;       ///< ECONNRESET, ..; EAGAIN: nothing more arrived in time
};

/// Reads until `bytes` bytes have arrived, or the end, or an error, or nothing arrives for
/// `millis`.
inline Received receive(int fd, size_t bytes, int millis = 5000) {
  Received got;
  char block[65536];
  while (got.text.size() < bytes) {
    const ssize_t n = ::recv(fd, block, std::min(sizeof block, bytes - got.text.size()), 0);
    if (n > 0) {
      got.text.append(block, static_cast<size_t>(n));
    } else if (n == 0) {
      got.ended = true;
      return got;
    } else if (errno != EAGAIN) {
      got.error = errno;
      return got;
    } else if (!waitFd(fd, POLLIN, millis)) {
      got.error = EAGAIN;
      return got;
    }
  }
  return got;
}

/// Reads everything until the end or an error.
inline Received receiveAll(int fd, int millis = 5000) {
  return receive(fd, static_cast<size_t>(-1), millis);
}

}  // namespace culvert
