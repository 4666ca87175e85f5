// SPDX-License-Identifier: GPL-3.0-or-later
// The only monotonic clock of the program, and the duration type of every option. A zero duration
// in an option means "no limit". Thread: any.
#pragma once

#include <chrono>

namespace culvert {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Millis = std::chrono::milliseconds;
using Micros = std::chrono::microseconds;

inline constexpr TimePoint kNever = TimePoint::max();

/// Returns `from + limit`, or kNever if the limit is 0 ("no limit").
inline TimePoint deadlineAfter(TimePoint from, Millis limit) {
  return limit.count() == 0 ? kNever : from + limit;
}

}  // namespace culvert
