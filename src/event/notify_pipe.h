// SPDX-License-Identifier: GPL-3.0-or-later
// NotifyPipe lets another thread wake a loop by writing one byte to a nonblocking pipe. The number
// of bytes has no meaning, because any unread byte makes the loop check its mailbox. So no wake-up
// is lost if the pipe is full. Thread: any for notify(); loop for the rest.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "event/io_watcher.h"

namespace culvert {

class NotifyPipe {
 public:
  NotifyPipe(EventLoop& loop, void* context, IoWatcher::Callback onNotified);

  /// Creates the pipe and starts to watch it. Fails if no descriptors are left.
  Result<void> open();

  void notify();

 private:
  void onReadable();

  EventLoop& loop_;
  void* context_;
  IoWatcher::Callback onNotified_;
  UniqueFd readEnd_;
  UniqueFd writeEnd_;
  std::unique_ptr<IoWatcher> watcher_;
};

}  // namespace culvert
