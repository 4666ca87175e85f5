// SPDX-License-Identifier: GPL-3.0-or-later
// NotifyPipe wakes a loop from another thread with one byte in a nonblocking pipe. The number of
// bytes has no meaning: they only make the loop check its mailbox, and a full pipe does that too.
// Thread: notify() any, the rest loop.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "event/io_watcher.h"

namespace culvert {

class NotifyPipe {
 public:
  NotifyPipe(EventLoop& loop, void* context, IoWatcher::Callback onNotified);

  /// Starts to watch the pipe. Fails if no descriptors are left.
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
