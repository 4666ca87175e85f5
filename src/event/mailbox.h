// SPDX-License-Identifier: GPL-3.0-or-later
// Mailbox is a PostBox with a second queue, the lane, which carries items and is bounded. offer()
// refuses items while the lane is full. The lane notifies the loop only when an item arrives while
// no other item waits. Thread: any for offer, post and wake; loop for the rest.
#pragma once

#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "event/post_box.h"

namespace culvert {

template <class Item>
class Mailbox : public PostBox {
 public:
  /// The loop calls `onMail(context)` when messages or items have arrived.
  Mailbox(EventLoop& loop, size_t capacity, void* context, IoWatcher::Callback onMail)
      : PostBox(loop, context, onMail), ring_(capacity) {}

  /// Moves `item` into the lane and returns true. If the lane is full or closed, returns false and
  /// leaves `item` unchanged. Allocates no memory.
  [[nodiscard]] bool offer(Item& item) noexcept {
    bool wasEmpty = false;
    {
      const std::lock_guard lock(mutex_);
      if (closed_ || count_ == ring_.size()) return false;
      wasEmpty = count_ == 0;
      ring_[(first_ + count_) % ring_.size()] = std::move(item);
      ++count_;
    }
    if (wasEmpty) wake();
    return true;
  }

  /// Removes the oldest item and returns it. When notified, the loop's thread must call this until
  /// no item is left, because the lane sends no further notification while items wait.
  std::optional<Item> takeItem() {
    const std::lock_guard lock(mutex_);
    if (count_ == 0) return std::nullopt;
    std::optional<Item> item(std::move(ring_[first_]));
    first_ = (first_ + 1) % ring_.size();
    --count_;
    return item;
  }

  /// Calls visit(Item&) for each waiting item. `visit` must be fast, because calls of offer() wait
  /// until it returns.
  template <class Visit>
  void forEachItem(Visit visit) {
    const std::lock_guard lock(mutex_);
    for (size_t i = 0; i < count_; ++i) visit(ring_[(first_ + i) % ring_.size()]);
  }

  /// The number of waiting items. Thread: any.
  size_t items() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }

  /// Makes offer() refuse all items from now on.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Item> ring_;  // guarded by mutex_, like the members below
  size_t first_ = 0;        // the oldest item
  size_t count_ = 0;        // number of waiting items
  bool closed_ = false;
};

}  // namespace culvert
