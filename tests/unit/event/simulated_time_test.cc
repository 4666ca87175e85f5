// SPDX-License-Identifier: GPL-3.0-or-later
// SimulatedTime, with which other tests move time: a loop sleeps in it, and real time comes back.
#include "simulated_time.h"

#include <gtest/gtest.h>

#include "event/event_loop.h"
#include "event/timer.h"

namespace culvert {
namespace {

TEST(SimulatedTimeTest, ALoopSleepsInIt) {
  const TimePoint before = Clock::now();
  {
    SimulatedTime time;
    EventLoop loop;
    bool fired = false;
    Timer timer(loop, &fired, [](void* flag) { *static_cast<bool*>(flag) = true; });
    const TimePoint due = time.now() + std::chrono::hours(10);
    timer.armBy(due);
    time.advance(std::chrono::hours(9));
    loop.turn(false);
    EXPECT_FALSE(fired);
    loop.turn(true);
    EXPECT_TRUE(fired);
    EXPECT_GE(time.now(), due);
    EXPECT_LT(time.now() - due, Millis(5));
  }
  EXPECT_LT(Clock::now() - before, std::chrono::hours(1)) << "real time is back";
}

}  // namespace
}  // namespace culvert
