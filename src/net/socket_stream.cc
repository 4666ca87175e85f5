// SPDX-License-Identifier: GPL-3.0-or-later
// See socket_stream.h.
#include "net/socket_stream.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>

#include "event/callback.h"
#include "net/socket_ops.h"

namespace culvert {

SocketStream::SocketStream(EventLoop& loop, UniqueFd fd)
    : fd_(std::move(fd)),
      watcher_(loop, fd_.get(), this, call<&SocketStream::tellReadable>,
               call<&SocketStream::tellWritable>) {}

SocketStream::~SocketStream() {
  if (abortOnClose_ && fd_.valid()) setLingerReset(fd_.get());
}

size_t SocketStream::unacknowledged() const { return backlog() + outQueueBytes(fd_.get()); }

bool SocketStream::hungUp() const { return culvert::hungUp(fd_.get()); }

IoResult SocketStream::receive(std::span<uint8_t> into) {
  for (;;) {
    const ssize_t n = ::recv(fd_.get(), into.data(), into.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    return received(n);
  }
}

IoResult SocketStream::receive(std::span<uint8_t> first, std::span<uint8_t> second) {
  iovec pieces[] = {{first.data(), first.size()}, {second.data(), second.size()}};
  for (;;) {
    const ssize_t n = ::readv(fd_.get(), pieces, 2);
    if (n < 0 && errno == EINTR) continue;
    return received(n);
  }
}

/// Converts the return value of a receiving system call. After -1, errno must be unchanged.
IoResult SocketStream::received(ssize_t n) {
  if (n > 0) return {IoStatus::kOk, static_cast<size_t>(n)};
  if (n == 0) return {writeBroken_ ? IoStatus::kReset : IoStatus::kEof, 0};
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {IoStatus::kBlocked, 0};
  writeBroken_ = true;
  return {IoStatus::kReset, 0};
}

IoResult SocketStream::transmit(std::span<const uint8_t> from, bool moreFollows) {
  const int flags = MSG_NOSIGNAL | (moreFollows ? MSG_MORE : 0);
  if (writeBroken_) return {IoStatus::kReset, 0};
  for (;;) {
    const ssize_t n = ::send(fd_.get(), from.data(), from.size(), flags);
    if (n >= 0) {
      transmitted_ += static_cast<uint64_t>(n);
      return {IoStatus::kOk, static_cast<size_t>(n)};
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {IoStatus::kBlocked, 0};
    if (errno == EINTR) continue;
    writeBroken_ = true;
    return {IoStatus::kReset, 0};
  }
}

IoStatus SocketStream::finish() {
  if (::shutdown(fd_.get(), SHUT_WR) == 0) return IoStatus::kOk;
  writeBroken_ = true;  // shutdown() fails with ENOTCONN if the peer has reset the connection
  return IoStatus::kReset;
}

IoResult SocketStream::discardInput(size_t limit) {
  uint8_t scratch[16384];
  size_t seen = 0;
  while (seen < limit) {
    const IoResult r = receive(scratch);
    seen += r.bytes;
    if (r.status != IoStatus::kOk) return {r.status, seen};
  }
  return {IoStatus::kOk, seen};
}

}  // namespace culvert
