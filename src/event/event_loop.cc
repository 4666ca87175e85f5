// SPDX-License-Identifier: GPL-3.0-or-later
// See event_loop.h.
#include "event/event_loop.h"

#include <event2/event.h>

#include "base/check.h"
#include "event/slot_allocator.h"

namespace culvert {
namespace {

// Deaths of one turn, for whose sake memory stays allocated.
constexpr size_t kUsualDeaths = 512;

}  // namespace

EventLoop::EventLoop() {
  giveLibeventSlots();
  // libevent would tell stderr what failed; our results tell it, and the log is where it belongs.
  event_set_log_callback([](int, const char*) {});
  event_config* config = event_config_new();
  CULVERT_CHECK(config != nullptr);
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  base_ = event_base_new_with_config(config);
  event_config_free(config);
  CULVERT_CHECK(base_ != nullptr);
}

EventLoop::~EventLoop() {
  while (!dying_.empty()) {
    dyingNow_.swap(dying_);
    dyingNow_.clear();
  }
  event_base_free(base_);
}

void EventLoop::run() {
  stopping_ = false;
  while (!stopping_) turn(/*block=*/true);
}

void EventLoop::turn(bool block) {
  forgetTime();  // somebody may have asked for it between two turns
  const bool queued = !soon_.empty() || !dying_.empty();
  const int flags =
      EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY | (block && !queued ? 0 : EVLOOP_NONBLOCK);
  event_base_loop(base_, flags);
  endOfTurn();
}

void EventLoop::beginTurn() {
  if (now_ != TimePoint{}) return;
  now_ = Clock::now();
  const auto micros = std::chrono::duration_cast<Micros>(now_.time_since_epoch()).count();
  busySince_.store(static_cast<uint64_t>(micros), std::memory_order_relaxed);
}

void EventLoop::endOfTurn() {
  // Once, over what is queued now: a task that enqueues itself again runs in the next turn, after
  // new events.
  IntrusiveList<RunSoon> tasks;
  while (!soon_.empty()) tasks.pushBack(soon_.popFront());
  while (!tasks.empty()) tasks.popFront().runSoon();

  dyingNow_.swap(dying_);
  deferredDeletes_ += dyingNow_.size();
  for (auto& object : dyingNow_) object.reset();
  dyingNow_.clear();
  // A crowd's room is not kept.
  if (dyingNow_.capacity() > kUsualDeaths) dyingNow_.shrink_to_fit();

  if (endOfTurnHook_) endOfTurnHook_();
  if (now_ != TimePoint{}) {
    const auto spent = std::chrono::duration_cast<Micros>(Clock::now() - now_).count();
    if (static_cast<uint64_t>(spent) > longestTurnMicros_)
      longestTurnMicros_ = static_cast<uint64_t>(spent);
  }
  forgetTime();
}

void EventLoop::forgetTime() {
  if (now_ == TimePoint{}) return;
  now_ = TimePoint{};
  busySince_.store(0, std::memory_order_relaxed);
}

const char* eventLibraryVersion() { return event_get_version(); }

}  // namespace culvert
