// SPDX-License-Identifier: GPL-3.0-or-later
// PostBox takes messages to a loop from any thread: functions that the loop runs, in their order,
// never refused. It notifies the loop only when it goes from empty to not empty. Thread: post, wake
// any; the rest loop.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "event/event_loop.h"
#include "event/notify_pipe.h"

namespace culvert {

class PostBox {
 public:
  /// Runs the messages as they come.
  explicit PostBox(EventLoop& loop);
  /// `onMail(context)` runs on the loop when there is mail, and calls runControl().
  PostBox(EventLoop& loop, void* context, IoWatcher::Callback onMail);
  PostBox(const PostBox&) = delete;
  PostBox& operator=(const PostBox&) = delete;

  Result<void> open() { return pipe_.open(); }

  /// Runs `message` on the loop. Never refused; throws std::bad_alloc, and keeps nothing, if more
  /// than kUsual wait and there is no memory for it.
  void post(std::function<void()> message);

  /// `onMail` runs on the loop soon, whether or not there is mail. Allocates nothing.
  void wake() noexcept { pipe_.notify(); }

  /// Runs the messages that have come, in their order. One that finds no memory keeps no other from
  /// its turn.
  void runControl();

 private:
  /// There is always room for so many messages.
  static constexpr size_t kUsual = 16;

  EventLoop& loop_;
  NotifyPipe pipe_;
  std::mutex mutex_;
  std::vector<std::function<void()>> control_;  // guarded by mutex_
  std::vector<std::function<void()>> running_;  // the reader's; the two lists take turns
};

}  // namespace culvert
