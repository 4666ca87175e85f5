// SPDX-License-Identifier: GPL-3.0-or-later
// What counts as a flood, by a clock that the test sets.
#include "tls/record/idle_records.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

const TimePoint kStart = TimePoint{} + Millis(12'345'678'901);

/// How many of `most` records, each `gap` after the one before, are let through.
int letThrough(IdleRecords& records, TimePoint& now, Millis gap, int most) {
  for (int i = 0; i < most; ++i, now += gap) {
    if (records.flooded(now)) return i;
    records.add(now);
  }
  return most;
}

TEST(IdleRecords, ManyAtOnceAreAFlood) {
  for (const Millis gap : {Millis(0), Millis(1), Millis(30), IdleRecords::kPause}) {
    IdleRecords records;
    TimePoint now = kStart;
    EXPECT_EQ(letThrough(records, now, gap, 100), IdleRecords::kMost) << gap.count();
    EXPECT_TRUE(records.flooded(now)) << "still";
  }
}

TEST(IdleRecords, ManyOverALongTimeAreNone) {
  IdleRecords records;
  TimePoint now = kStart;
  EXPECT_EQ(letThrough(records, now, Millis(30'000), 10'000), 10'000);
  EXPECT_EQ(letThrough(records, now, IdleRecords::kPause + Millis(1), 10'000), 10'000);
  EXPECT_EQ(letThrough(records, now, Millis(0), 100), IdleRecords::kMost) << "but a flood is";
}

TEST(IdleRecords, APauseBehindManyEndsTheRow) {
  IdleRecords records;
  TimePoint now = kStart;
  for (int burst = 0; burst < 5; ++burst, now += IdleRecords::kPause + Millis(1))
    EXPECT_EQ(letThrough(records, now, Millis(0), IdleRecords::kMost), IdleRecords::kMost);
}

TEST(IdleRecords, PayloadEndsTheRow) {
  IdleRecords records;
  TimePoint now = kStart;
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(letThrough(records, now, Millis(0), IdleRecords::kMost), IdleRecords::kMost);
    records.payload();
  }
}

}  // namespace
}  // namespace culvert
