// SPDX-License-Identifier: GPL-3.0-or-later
// See post_box.h.
#include "event/post_box.h"

#include <utility>

#include "event/callback.h"

namespace culvert {

PostBox::PostBox(EventLoop& loop) : PostBox(loop, this, call<&PostBox::runControl>) {}

PostBox::PostBox(EventLoop& loop, void* context, IoWatcher::Callback onMail)
    : loop_(loop), pipe_(loop, context, onMail) {
  control_.reserve(kUsual);
  running_.reserve(kUsual);
}

void PostBox::post(std::function<void()> message) {
  bool wasEmpty = false;
  {
    const std::lock_guard lock(mutex_);
    wasEmpty = control_.empty();
    control_.push_back(std::move(message));
  }
  if (wasEmpty) pipe_.notify();
}

void PostBox::runControl() {
  {
    const std::lock_guard lock(mutex_);
    std::swap(control_, running_);
  }
  for (auto& message : running_) loop_.guard(std::exchange(message, nullptr));
  running_.clear();
}

}  // namespace culvert
