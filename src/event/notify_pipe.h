// SPDX-License-Identifier: GPL-3.0-or-later
// NotifyPipe wakes a loop from another thread: one byte into a nonblocking pipe. Bytes are not
// counted, they only say "look into your mailbox"; a full pipe says so already. Thread: notify()
// any, the rest loop.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "event/io_watcher.h"

namespace culvert {

class NotifyPipe {
 public:
  NotifyPipe(EventLoop& loop, void* context, IoWatcher::Callback onNotified);

  /// Starts to listen. Fails where no descriptors are left.
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
