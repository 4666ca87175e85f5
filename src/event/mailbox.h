// SPDX-License-Identifier: GPL-3.0-or-later
// Mailbox is a PostBox with a second, bounded lane for items, which refuses items when it is full.
// Each lane notifies the loop only when it changes from empty to not empty. Thread: offer, post,
// wake any; the rest loop.
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
  /// `onMail(context)` runs on the loop when there is mail.
  Mailbox(EventLoop& loop, size_t capacity, void* context, IoWatcher::Callback onMail)
      : PostBox(loop, context, onMail), ring_(capacity) {}

  /// Returns false and does not touch `item` if the lane is full or closed. Allocates nothing.
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

  /// The oldest item. A reader that leaves items in the lane gets no further notification: it must
  /// call again until none are left.
  std::optional<Item> takeItem() {
    const std::lock_guard lock(mutex_);
    if (count_ == 0) return std::nullopt;
    std::optional<Item> item(std::move(ring_[first_]));
    first_ = (first_ + 1) % ring_.size();
    --count_;
    return item;
  }

  /// Calls visit(Item&) for each waiting item. Offers block meanwhile, so `visit` must be fast.
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
  std::mutex mutex_;
  std::vector<Item> ring_;  // guarded by mutex_, as all below
  size_t first_ = 0;        // the oldest item
  size_t count_ = 0;        // waiting items
  bool closed_ = false;
};

}  // namespace culvert
