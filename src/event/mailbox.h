// SPDX-License-Identifier: GPL-3.0-or-later
// Mailbox is the one way into a loop from another thread: a bounded lane of items (full is an
// answer) and an unbounded one of control messages. Each lane sends a notification byte only when
// it goes from empty to not empty. Thread: offer, post, wake any; the rest
// loop.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "event/event_loop.h"
#include "event/notify_pipe.h"

namespace culvert {

template <class Item>
class Mailbox {
 public:
  /// `onMail(context)` runs on the loop when there is something to take.
  Mailbox(EventLoop& loop, size_t capacity, void* context, IoWatcher::Callback onMail)
      : loop_(loop), pipe_(loop, context, onMail), ring_(capacity) {
    control_.reserve(kUsual);
    running_.reserve(kUsual);
  }

  Result<void> open() { return pipe_.open(); }

  /// Leaves `item` alone and returns false where the lane is full or closed. Allocates nothing.
  [[nodiscard]] bool offer(Item& item) noexcept {
    bool wasEmpty = false;
    {
      const std::lock_guard lock(mutex_);
      if (closed_ || count_ == ring_.size()) return false;
      wasEmpty = count_ == 0;
      ring_[(first_ + count_) % ring_.size()] = std::move(item);
      ++count_;
    }
    if (wasEmpty) pipe_.notify();
    return true;
  }

  /// Runs `message` on the loop. Never refused; throws std::bad_alloc, and keeps nothing, if more
  /// than kUsual wait and there is no memory for it.
  void post(std::function<void()> message) {
    bool wasEmpty = false;
    {
      const std::lock_guard lock(mutex_);
      wasEmpty = control_.empty();
      control_.push_back(std::move(message));
    }
    if (wasEmpty) pipe_.notify();
  }

  /// `onMail` runs on the loop soon, whether or not there is mail. Allocates nothing.
  void wake() noexcept { pipe_.notify(); }

  /// Runs the control messages that have come, in their order. One that finds no memory keeps no
  /// other from its turn.
  void runControl() {
    {
      const std::lock_guard lock(mutex_);
      std::swap(control_, running_);
    }
    for (auto& message : running_) loop_.guard(std::exchange(message, nullptr));
    running_.clear();
  }

  /// The oldest item. A reader that leaves items here is not notified of more: it comes back by
  /// itself until there are none.
  std::optional<Item> takeItem() {
    const std::lock_guard lock(mutex_);
    if (count_ == 0) return std::nullopt;
    std::optional<Item> item(std::move(ring_[first_]));
    first_ = (first_ + 1) % ring_.size();
    --count_;
    return item;
  }

  /// Calls visit(Item&) for each item that waits. Nobody can offer one meanwhile: to be kept short.
  template <class Visit>
  void forEachItem(Visit visit) {
    const std::lock_guard lock(mutex_);
    for (size_t i = 0; i < count_; ++i) visit(ring_[(first_ + i) % ring_.size()]);
  }

  /// Refuses items from now on.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }

 private:
  /// There is always room for so many control messages.
  static constexpr size_t kUsual = 16;

  EventLoop& loop_;
  NotifyPipe pipe_;
  std::mutex mutex_;
  std::vector<Item> ring_;  // guarded by mutex_, as all below
  size_t first_ = 0;        // the oldest item
  size_t count_ = 0;        // items that wait
  std::vector<std::function<void()>> control_;
  bool closed_ = false;
  std::vector<std::function<void()>> running_;  // the reader's; the two lists take turns
};

}  // namespace culvert
