// SPDX-License-Identifier: GPL-3.0-or-later
// PostBox carries messages from any thread to a loop. Messages are functions that the loop runs in
// order. PostBox has no size limit. It notifies the loop only when a message arrives while no other
// message waits. Thread: any for post and wake; loop for the rest.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "event/event_loop.h"
#include "event/notify_pipe.h"

namespace culvert {

class PostBox {
 public:
  /// Makes a PostBox whose messages the loop runs as soon as they arrive.
  explicit PostBox(EventLoop& loop);
  /// Makes a PostBox that calls `onMail(context)` in the loop when messages have arrived. `onMail`
  /// must call runControl().
  PostBox(EventLoop& loop, void* context, IoWatcher::Callback onMail);
  PostBox(const PostBox&) = delete;
  PostBox& operator=(const PostBox&) = delete;

  Result<void> open() { return pipe_.open(); }

  /// Makes the loop run `message`. Throws std::bad_alloc, and does not queue `message`, if memory
  /// runs out. This can happen only if kUsual or more messages are waiting.
  void post(std::function<void()> message);

  /// Makes the loop call `onMail` soon, even if no message waits. Allocates no memory.
  void wake() noexcept { pipe_.notify(); }

  /// Runs the waiting messages in order. If one message runs out of memory, the other messages
  /// still run.
  void runControl();

 private:
  /// Number of messages for which memory is always reserved.
  static constexpr size_t kUsual = 16;

  EventLoop& loop_;
  NotifyPipe pipe_;
  std::mutex mutex_;
  std::vector<std::function<void()>> control_;  // guarded by mutex_
  std::vector<std::function<void()>> running_;  // the messages being run; swapped with control_
};

}  // namespace culvert
