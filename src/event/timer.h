// SPDX-License-Identifier: GPL-3.0-or-later
// Timer calls back once at or after a point in time. It is lazy: a deadline that moves later costs
// nothing, the timer fires at the old time and its owner arms it for the remainder. Thread: loop.
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>

#include <algorithm>

#include "base/clock.h"

namespace culvert {

class EventLoop;

/// How long the process stood still (it was stopped, or its machine was) when `due` came, which is
/// looked at only now: what has come since then, nobody has seen. At most `limit`; 0 where it is on
/// time. An absolute limit is moved by so much, once.
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
  /// std::bad_alloc where libevent finds no room for it, which cannot be on a loop with up to eight.
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
