// SPDX-License-Identifier: GPL-3.0-or-later
// Record sizes over the life of a connection, by a clock that the test sets.
#include "tls/record_sizer.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

const TimePoint kStart = TimePoint{} + Millis(12'345'678'901);  // more than 32 bits of milliseconds

TEST(RecordSizer, AFixedSizeIsFixed) {
  RecordSizer full(RecordSizer::kFull);
  EXPECT_TRUE(full.isFull());
  RecordSizer small(512);
  EXPECT_FALSE(small.isFull());
  for (int i = 0; i < 200; ++i) EXPECT_EQ(small.next(kStart + Millis(i)), 512u);
}

TEST(RecordSizer, ADynamicOneGrowsWithinABurst) {
  RecordSizer sizer(RecordSizer::kDynamic);
  EXPECT_FALSE(sizer.isFull());
  for (int i = 0; i < RecordSizer::kStep; ++i)
    ASSERT_EQ(sizer.next(kStart), RecordSizer::kSegment) << i;
  for (int i = 0; i < RecordSizer::kStep; ++i)
    ASSERT_EQ(sizer.next(kStart), RecordSizer::kFewSegments) << i;
  for (int i = 0; i < 100'000; ++i) ASSERT_EQ(sizer.next(kStart), RecordSizer::kFull) << i;
}

TEST(RecordSizer, ADynamicOneStartsAnewAfterSilence) {
  RecordSizer sizer(RecordSizer::kDynamic);
  for (int i = 0; i < 3 * RecordSizer::kStep; ++i) sizer.next(kStart);
  TimePoint now = kStart + RecordSizer::kIdle - Millis(1);
  EXPECT_EQ(sizer.next(now), RecordSizer::kFull) << "no second of silence yet";
  now += RecordSizer::kIdle - Millis(1);
  EXPECT_EQ(sizer.next(now), RecordSizer::kFull) << "silence counts from the last record";
  now += RecordSizer::kIdle;
  EXPECT_EQ(sizer.next(now), RecordSizer::kSegment);
}

}  // namespace
}  // namespace culvert
