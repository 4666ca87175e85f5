// SPDX-License-Identifier: GPL-3.0-or-later
// PostBox carries messages from any thread to a loop. Messages are functions that the loop runs in
// order. PostBox has no size limit. It notifies the loop only when it changes from empty to not
// empty. Thread: post, wake any; the rest loop.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "event/event_loop.h"
#include "event/notify_pipe.h"

namespace culvert {

class PostBox {
 public:
  /// With this constructor the loop runs the messages as they arrive.
  explicit PostBox(EventLoop& loop);
  /// The loop calls `onMail(context)` when messages have arrived. `onMail` must call runControl().
  PostBox(EventLoop& loop, void* context, IoWatcher::Callback onMail);
  PostBox(const PostBox&) = delete;
  PostBox& operator=(const PostBox&) = delete;

  Result<void> open() { return pipe_.open(); }

  /// Makes the loop run `message`. Throws std::bad_alloc if memory runs out, which can only happen
  /// if kUsual messages wait already; then `message` is not queued.
  void post(std::function<void()> message);

  /// Makes the loop call `onMail` soon, even if no message waits. Allocates no memory.
  void wake() noexcept { pipe_.notify(); }

  /// Runs the waiting messages in order. If one of them runs out of memory, the others still run.
  void runControl();

 private:
  /// The number of messages for which memory is always reserved.
  static constexpr size_t kUsual = 16;

  EventLoop& loop_;
  NotifyPipe pipe_;
  std::mutex mutex_;
  std::vector<std::function<void()>> control_;  // guarded by mutex_
  std::vector<std::function<void()>> running_;  // being run; swapped with control_
};

}  // namespace culvert
