// SPDX-License-Identifier: GPL-3.0-or-later
// PostBox brings messages to a loop from any thread. Messages are functions that the loop runs in
// order; none is refused. It notifies the loop only when it changes from empty to not empty.
// Thread: post, wake any; the rest loop.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "event/event_loop.h"
#include "event/notify_pipe.h"

namespace culvert {

class PostBox {
 public:
  /// Runs the messages as they arrive.
  explicit PostBox(EventLoop& loop);
  /// `onMail(context)` runs on the loop when there is mail; it must call runControl().
  PostBox(EventLoop& loop, void* context, IoWatcher::Callback onMail);
  PostBox(const PostBox&) = delete;
  PostBox& operator=(const PostBox&) = delete;

  Result<void> open() { return pipe_.open(); }

  /// Runs `message` on the loop. If more than kUsual messages wait and memory runs out, throws
  /// std::bad_alloc and keeps nothing.
  void post(std::function<void()> message);

  /// Makes `onMail` run on the loop soon, with or without mail. Allocates nothing.
  void wake() noexcept { pipe_.notify(); }

  /// Runs the waiting messages in order. If one of them runs out of memory, the others still run.
  void runControl();

 private:
  /// There is always room for this many messages.
  static constexpr size_t kUsual = 16;

  EventLoop& loop_;
  NotifyPipe pipe_;
  std::mutex mutex_;
  std::vector<std::function<void()>> control_;  // guarded by mutex_
  std::vector<std::function<void()>> running_;  // the reader's; the two lists are swapped
};

}  // namespace culvert
