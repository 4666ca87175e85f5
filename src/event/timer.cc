// SPDX-License-Identifier: GPL-3.0-or-later
// See timer.h.
#include "event/timer.h"

#include <algorithm>
#include <new>

#include "event/event_loop.h"

namespace culvert {

Timer::Timer(EventLoop& loop, void* context, Callback onFire)
    : loop_(loop), context_(context), onFire_(onFire) {
  evtimer_assign(&event_, loop_.base(), &Timer::dispatch, this);
}

Timer::~Timer() { disarm(); }

void Timer::arm(TimePoint deadline) {
  armedFor_ = deadline;
  // Round up, because libevent's timers have millisecond resolution. A timer that was rounded down
  // would fire too early, and then be armed and fire repeatedly until its time.
  const auto wait = std::chrono::ceil<Millis>(deadline - loop_.now()).count();
  const auto millis = std::max<decltype(wait)>(wait, 0);
  timeval delay{.tv_sec = static_cast<time_t>(millis / 1000),
                .tv_usec = static_cast<suseconds_t>(millis % 1000 * 1000)};
  if (evtimer_add(&event_, &delay) == 0) return;
  armedFor_ = kNever;
  throw std::bad_alloc();
}

void Timer::disarm() {
  if (armedFor_ == kNever) return;
  armedFor_ = kNever;
  evtimer_del(&event_);
}

void Timer::dispatch(int, short, void* self) {
  auto& timer = *static_cast<Timer*>(self);
  timer.loop_.beginTurn();
  timer.loop_.guard([&timer] {
    // The timer may fire early by one tick of the kernel (4 ms), because libevent reads
    // CLOCK_MONOTONIC_COARSE. In that case arm the timer again.
    if (timer.loop_.now() < timer.armedFor_) return timer.arm(timer.armedFor_);
    timer.armedFor_ = kNever;
    timer.onFire_(timer.context_);
  });
}

}  // namespace culvert
