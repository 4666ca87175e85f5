// SPDX-License-Identifier: GPL-3.0-or-later
// Timer calls back once, at or after a point in time. Its owner can postpone a deadline without a
// call to the timer. The timer then fires at the old time, and the owner arms the timer again for
// the new deadline. Thread: loop.
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>

#include <algorithm>

#include "base/clock.h"

namespace culvert {

class EventLoop;

/// Returns how late a timer fires that was due at `due`, but at most `limit`. Returns 0 if the
/// timer is less than 20 ms late. A late timer means that the process or its machine was stopped.
/// The caller extends its deadline once by this time, because events that arrived during the stop
/// have not been handled yet.
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

  /// Makes sure that the timer fires at `deadline` or earlier. Has no effect if `deadline` is
  /// kNever. Throws std::bad_alloc if libevent has no memory for the timer, which cannot happen on
  /// a loop with at most eight timers.
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
