// SPDX-License-Identifier: GPL-3.0-or-later
// See notify_pipe.h.
#include "event/notify_pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "event/callback.h"

namespace culvert {

NotifyPipe::NotifyPipe(EventLoop& loop, void* context, IoWatcher::Callback onNotified)
    : loop_(loop), context_(context), onNotified_(onNotified) {}

Result<void> NotifyPipe::open() {
  int ends[2];
  if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0)
    return failErrno("cannot create a notification pipe", errno);
  readEnd_.reset(ends[0]);
  writeEnd_.reset(ends[1]);
  watcher_ = std::make_unique<IoWatcher>(loop_, readEnd_.get(), this, call<&NotifyPipe::onReadable>,
                                         nullptr);
  if (!watcher_->watch(true, false)) return failErrno("cannot watch a notification pipe", errno);
  return {};
}

void NotifyPipe::notify() {
  const char byte = 1;
  // write() returns EAGAIN if the pipe is full. Nothing more is needed in that case, because the
  // unread bytes will wake the loop.
  while (::write(writeEnd_.get(), &byte, 1) < 0 && errno == EINTR) {
  }
}

void NotifyPipe::onReadable() {
  // Empty the pipe before the owner reads its mailbox. So a message that arrives between these two
  // steps leaves a byte in the pipe for the next turn.
  char bytes[64];
  while (::read(readEnd_.get(), bytes, sizeof bytes) == sizeof bytes) {
  }
  onNotified_(context_);
}

}  // namespace culvert
