// SPDX-License-Identifier: GPL-3.0-or-later
// When the next check is due: the jitter, and slower while the address is down.
#include "health/check_schedule.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

HealthOptions everyTwoSeconds() {
  HealthOptions options;
  options.interval = Millis(2000);
  options.fall = 3;
  return options;
}

Millis after(const CheckSchedule& schedule, double dice) {
  return std::chrono::duration_cast<Millis>(schedule.next(everyTwoSeconds(), dice));
}

TEST(CheckSchedule, ATenthMoreOrLess) {
  const CheckSchedule schedule;
  EXPECT_EQ(after(schedule, 0.5), Millis(2000));
  EXPECT_EQ(after(schedule, 0), Millis(1800));
  EXPECT_NEAR(after(schedule, 1).count(), 2200, 1);
  EXPECT_NEAR(after(schedule, 7).count(), 2200, 1);
}

TEST(CheckSchedule, SlowerOnlyWhileTheAddressIsDown) {
  CheckSchedule schedule;
  std::vector<int64_t> seconds;
  for (int i = 0; i < 9; ++i) {
    schedule.note(false);
    seconds.push_back(after(schedule, 0.5).count() / 1000);
  }
  EXPECT_EQ(seconds, (std::vector<int64_t>{2, 2, 4, 6, 8, 10, 10, 10, 10}));
  schedule.note(true);
  EXPECT_EQ(after(schedule, 0.5), Millis(2000));
  EXPECT_EQ(schedule.failures(), 0u);
}

}  // namespace
}  // namespace culvert
