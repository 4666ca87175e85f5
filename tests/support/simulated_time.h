// SPDX-License-Identifier: GPL-3.0-or-later
// SimulatedTime is the monotonic clock of a test: while one lives, time passes only when the test
// says so. It replaces clock_gettime() and epoll_wait() of this test binary. So EventLoop, Timer,
// libevent and Clock::now() see simulated time, and the daemon's code does not change. Thread: one
// at a time.
#pragma once

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "base/clock.h"

namespace culvert {

class SimulatedTime {
 public:
  /// The kernel's tick: CLOCK_MONOTONIC_COARSE, which libevent reads, is late by up to this time.
  static constexpr int64_t kTickNanos = 4'000'000;

  SimulatedTime() { current = this; }
  ~SimulatedTime() { current = nullptr; }
  SimulatedTime(const SimulatedTime&) = delete;
  SimulatedTime& operator=(const SimulatedTime&) = delete;

  TimePoint now() const { return TimePoint(std::chrono::nanoseconds(nanos_)); }
  void advance(Clock::duration by) { nanos_ += std::chrono::nanoseconds(by).count(); }

  // --- for the functions below

  inline static SimulatedTime* current = nullptr;

  bool read(clockid_t clock, timespec* out) const {
    if (clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_COARSE) return false;
    const int64_t nanos = clock == CLOCK_MONOTONIC ? nanos_ : nanos_ / kTickNanos * kTickNanos;
    out->tv_sec = static_cast<time_t>(nanos / kSecond);
    out->tv_nsec = static_cast<decltype(out->tv_nsec)>(nanos % kSecond);
    return true;
  }
  /// A loop that waits for events sleeps until its first timer is due. It must have a timer:
  /// nothing else would wake it.
  void sleep(int millis) {
    if (millis < 0) std::abort();
    nanos_ += int64_t{millis} * 1'000'000;
  }

 private:
  static constexpr int64_t kSecond = 1'000'000'000;

  int64_t nanos_ = 100'000 * kSecond;  // never 0, which EventLoop uses for "not read yet"
};

}  // namespace culvert

extern "C" inline __attribute__((used)) int clock_gettime(clockid_t clock, timespec* out) noexcept {
  const culvert::SimulatedTime* time = culvert::SimulatedTime::current;
  if (time != nullptr && time->read(clock, out)) return 0;
#ifdef SYS_clock_gettime64
  constexpr long kCall = sizeof(time_t) > sizeof(long) ? SYS_clock_gettime64 : SYS_clock_gettime;
#else
  constexpr long kCall = SYS_clock_gettime;
#endif
  return static_cast<int>(syscall(kCall, clock, out));
}

extern "C" inline __attribute__((used)) int epoll_wait(int poll, epoll_event* events, int most,
                                                       int millis) {
  if (culvert::SimulatedTime* time = culvert::SimulatedTime::current) {
    time->sleep(millis);
    millis = 0;
  }
  return epoll_pwait(poll, events, most, millis, nullptr);
}
