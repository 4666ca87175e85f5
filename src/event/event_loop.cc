// SPDX-License-Identifier: GPL-3.0-or-later
// See event_loop.h.
#include "event/event_loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <utility>

#include "base/check.h"
#include "event/slot_allocator.h"

namespace culvert {
namespace {

/// Makes libevent allocate its timer heap, which has room for eight timers, now. So a loop with at
/// most eight timers can arm them even if memory runs out later.
void makeRoomForTimers(event_base* base) {
  event timer;
  evtimer_assign(
      &timer, base, [](int, short, void*) {}, nullptr);
  const timeval later{.tv_sec = 3600, .tv_usec = 0};
  CULVERT_CHECK(evtimer_add(&timer, &later) == 0);
  evtimer_del(&timer);
}

}  // namespace

EventLoop::EventLoop() {
  giveLibeventSlots();
  // Prevent libevent from printing errors to stderr. libevent's functions also return the errors,
  // and culvert logs them.
  event_set_log_callback([](int, const char*) {});
  event_config* config = event_config_new();
  CULVERT_CHECK(config != nullptr);
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  base_ = event_base_new_with_config(config);
  event_config_free(config);
  CULVERT_CHECK(base_ != nullptr);
  makeRoomForTimers(base_);
}

EventLoop::~EventLoop() {
  while (dying_ != nullptr) destroyDying();
  event_base_free(base_);
}

void EventLoop::run() {
  stopping_ = false;
  while (!stopping_) turn(/*block=*/true);
}

void EventLoop::turn(bool block) {
  forgetTime();  // now() may have stored a time between two turns
  const bool queued = !soon_.empty() || dying_ != nullptr;
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
  // Run only the tasks that are queued now. A task that queues itself again runs in the next turn,
  // after new events.
  IntrusiveList<RunSoon> tasks;
  while (!soon_.empty()) tasks.pushBack(soon_.popFront());
  while (!tasks.empty()) {
    RunSoon& task = tasks.popFront();
    guard([&task] { task.runSoon(); });
  }

  destroyDying();

  turnTime_ = {};
  if (now_ != TimePoint{}) {
    turnTime_ = Clock::now() - now_;
    const auto spent = std::chrono::duration_cast<Micros>(turnTime_).count();
    if (static_cast<uint64_t>(spent) > longestTurnMicros_)
      longestTurnMicros_ = static_cast<uint64_t>(spent);
  }
  if (endOfTurnHook_) guard(endOfTurnHook_);
  forgetTime();
}

/// Destroys the objects that are queued now. Their destructors may queue more objects, which the
/// next call destroys.
void EventLoop::destroyDying() {
  Deferred* next = std::exchange(dying_, nullptr);
  dyingEnd_ = &dying_;
  while (next != nullptr) {
    const std::unique_ptr<Deferred> object(next);
    next = object->nextDying_;
    ++deferredDeletes_;
  }
}

void EventLoop::forgetTime() {
  if (now_ == TimePoint{}) return;
  now_ = TimePoint{};
  busySince_.store(0, std::memory_order_relaxed);
}

const char* eventLibraryVersion() { return event_get_version(); }

}  // namespace culvert
