// SPDX-License-Identifier: GPL-3.0-or-later
// Timer calls back once at or after a point in time. It is lazy: moving a deadline later costs
// nothing. The timer then fires at the old time, and its owner arms it for the remainder. Thread:
// loop.
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>

#include <algorithm>

#include "base/clock.h"

namespace culvert {

class EventLoop;

/// How long the process did not run (it or its machine was stopped) when `due` came; computed when
/// the process runs again. Events since then have not been handled yet. At most `limit`; 0 if the
/// timer is on time. An absolute limit is extended by this time, once.
inline Clock::duration standstill(TimePoint due, TimePoint now, Clock::duration limit) {
  constexpr Millis kOnTime{20};
  return due < now - kOnTime ? std::min(now - due, limit) : Clock::duration{};
}

class Timer {
 public:
  using Callback = void (*)(void* context);

  Timer(EventLoop& loop, void* context, Callback onFire);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// Makes sure that the timer fires at `deadline` or earlier. kNever does nothing. Throws
  /// std::bad_alloc if libevent has no memory for it, which cannot happen on a loop with up to
  /// eight timers.
  void armBy(TimePoint deadline) {
    if (deadline < armedFor_) arm(deadline);
  }
  void disarm();
  bool armed() const { return armedFor_ != kNever; }

 private:
  void arm(TimePoint deadline);
  static void dispatch(int fd, short what, void* self);

  EventLoop& loop_;
  void* context_;
  Callback onFire_;
  TimePoint armedFor_ = kNever;
  event event_;
};

}  // namespace culvert
