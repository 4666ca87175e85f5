// SPDX-License-Identifier: GPL-3.0-or-later
// Deadlines: a limit of zero means that there is none.
#include "base/clock.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

TEST(Clock, IsMonotonic) {
  static_assert(Clock::is_steady);
  TimePoint before = Clock::now();
  EXPECT_LE(before, Clock::now());
}

TEST(Clock, DeadlineIsThatMuchLater) {
  TimePoint start{std::chrono::seconds(5)};
  EXPECT_EQ(deadlineAfter(start, Millis(250)) - start, Millis(250));
}

TEST(Clock, ZeroIsNoLimit) {
  TimePoint start{std::chrono::seconds(5)};
  EXPECT_EQ(deadlineAfter(start, Millis(0)), kNever);
  EXPECT_GT(kNever, start);
}

}  // namespace
}  // namespace culvert
