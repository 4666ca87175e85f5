// SPDX-License-Identifier: GPL-3.0-or-later
// A wall clock that a test can put forward: it takes the place of the C library's time(), which is
// what certificates are judged by. To be included by one file of a test program. Thread: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <ctime>

namespace culvert {

/// Seconds by which time() is ahead.
inline std::atomic<int64_t> timeShift{0};

/// Puts the clock forward; it goes right again when the object goes.
class ShiftedTime {
 public:
  ~ShiftedTime() { timeShift = 0; }
  void forward(int64_t seconds) { timeShift += seconds; }
};

}  // namespace culvert

extern "C" std::time_t time(std::time_t* out) noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::time_t shifted = now.tv_sec + culvert::timeShift;
  if (out != nullptr) *out = shifted;
  return shifted;
}
