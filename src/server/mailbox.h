// SPDX-License-Identifier: GPL-3.0-or-later
// Mailbox is the one way into a loop from another thread: a bounded lane of items (full is an
// answer) and an unbounded one of control messages, with a notification byte only when it goes from
// empty to not empty. Thread: offer, post any; the rest loop.
#pragma once

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "event/notify_pipe.h"

namespace culvert {

template <class Item>
class Mailbox {
 public:
  struct Mail {
    std::vector<Item> items;
    std::vector<std::function<void()>> control;
  };

  /// `onMail(context)` runs on the loop when there is something to take().
  Mailbox(EventLoop& loop, size_t capacity, void* context, IoWatcher::Callback onMail)
      : capacity_(capacity), pipe_(loop, context, onMail) {}

  Result<void> open() { return pipe_.open(); }

  /// Leaves `item` alone and returns false where the lane is full or closed.
  [[nodiscard]] bool offer(Item& item) {
    bool wasEmpty = false;
    {
      const std::lock_guard lock(mutex_);
      if (closed_ || mail_.items.size() >= capacity_) return false;
      wasEmpty = mail_.items.empty() && mail_.control.empty();
      mail_.items.push_back(std::move(item));
    }
    if (wasEmpty) pipe_.notify();
    return true;
  }

  /// Runs `message` on the loop. Never refused.
  void post(std::function<void()> message) {
    bool wasEmpty = false;
    {
      const std::lock_guard lock(mutex_);
      wasEmpty = mail_.items.empty() && mail_.control.empty();
      mail_.control.push_back(std::move(message));
    }
    if (wasEmpty) pipe_.notify();
  }

  /// Everything that has come, items and control messages each in their order.
  Mail take() {
    Mail mail;
    const std::lock_guard lock(mutex_);
    std::swap(mail, mail_);
    return mail;
  }

  /// Refuses items from now on.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }

 private:
  const size_t capacity_;
  NotifyPipe pipe_;
  std::mutex mutex_;
  Mail mail_;            // guarded by mutex_
  bool closed_ = false;  // guarded by mutex_
};

}  // namespace culvert
