// SPDX-License-Identifier: GPL-3.0-or-later
// Record sizes over the life of a connection, by a clock that the test sets.
#include "tls/record/record_sizer.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

const TimePoint kStart = TimePoint{} + Millis(12'345'678'901);  // more than 32 bits of milliseconds
constexpr size_t kMuch = 64 * 1024;

TEST(RecordSizer, AFixedSizeIsFixed) {
  RecordSizer full(RecordSizer::kFull);
  EXPECT_TRUE(full.isFull());
  RecordSizer small(512);
  EXPECT_FALSE(small.isFull());
  for (int i = 0; i < 200; ++i) EXPECT_EQ(small.next(kMuch, kStart + Millis(i)), 512u);
  EXPECT_EQ(small.next(100, kStart), 100u);
}

TEST(RecordSizer, ADynamicOneGrowsWithinABurst) {
  RecordSizer sizer(RecordSizer::kDynamic);
  EXPECT_FALSE(sizer.isFull());
  for (int i = 0; i < 40; ++i) ASSERT_EQ(sizer.next(kMuch, kStart), RecordSizer::kSegment) << i;
  for (int i = 0; i < 40; ++i) ASSERT_EQ(sizer.next(kMuch, kStart), RecordSizer::kFewSegments) << i;
  for (int i = 0; i < 400'000; ++i) ASSERT_EQ(sizer.next(kMuch, kStart), RecordSizer::kFull) << i;
}

/// A window is a matter of bytes: many records with little in them do not open it.
TEST(RecordSizer, ADynamicOneCountsBytes) {
  RecordSizer sizer(RecordSizer::kDynamic);
  size_t sent = 0;
  for (; sent < 50'000; sent += 100) ASSERT_EQ(sizer.next(100, kStart), 100u);
  for (; sent < RecordSizer::kSmallBytes; sent += RecordSizer::kSegment)
    ASSERT_EQ(sizer.next(kMuch, kStart), RecordSizer::kSegment) << sent;
  EXPECT_EQ(sizer.next(kMuch, kStart), RecordSizer::kFewSegments);
}

TEST(RecordSizer, ADynamicOneStartsAnewAfterSilence) {
  RecordSizer sizer(RecordSizer::kDynamic);
  for (int i = 0; i < 100; ++i) sizer.next(kMuch, kStart);
  TimePoint now = kStart + RecordSizer::kIdle - Millis(1);
  EXPECT_EQ(sizer.next(kMuch, now), RecordSizer::kFull) << "no second of silence yet";
  now += RecordSizer::kIdle - Millis(1);
  EXPECT_EQ(sizer.next(kMuch, now), RecordSizer::kFull) << "silence counts from the last record";
  now += RecordSizer::kIdle;
  EXPECT_EQ(sizer.next(kMuch, now), RecordSizer::kSegment);
}

}  // namespace
}  // namespace culvert
