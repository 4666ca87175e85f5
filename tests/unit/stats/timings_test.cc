// SPDX-License-Identifier: GPL-3.0-or-later
// Histograms: the limits of the buckets, sums over threads, quantiles, and that nothing is recorded
// before somebody wants to know.
#include "stats/timings.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "stats/counter_registry.h"

namespace culvert {
namespace {

TEST(Timings, EachTimeIsInTheFirstBucketThatHoldsIt) {
  for (const uint64_t micros : {0u, 1u, 15u, 16u, 17u, 31u, 32u, 33u, 1000u, 1024u, 1025u}) {
    const size_t bucket = timingBucketOf(micros);
    EXPECT_LE(micros, timingLimitMicros(bucket)) << micros;
    if (bucket > 0) {
      EXPECT_GT(micros, timingLimitMicros(bucket - 1)) << micros;
    }
  }
  EXPECT_EQ(timingBucketOf(timingLimitMicros(kTimingLimits - 1)), kTimingLimits - 1);
  EXPECT_EQ(timingBucketOf(timingLimitMicros(kTimingLimits - 1) + 1), kTimingLimits);
  EXPECT_EQ(timingBucketOf(UINT64_MAX), kTimingLimits);
  EXPECT_EQ(timingLimitMicros(0), 16u);
  EXPECT_EQ(timingLimitMicros(kTimingLimits - 1), 134'217'728u);
}

TEST(Timings, ABlockCountsAndSums) {
  TimingBlock block;
  block.record(Timing::kConnect, Micros{10});
  block.record(Timing::kConnect, Micros{20});
  block.record(Timing::kConnect, Micros{-5});  // a clock that was read in another order
  block.record(Timing::kTurn, Micros{7});
  TimingSnapshot sum;
  sum.merge(block);
  sum.merge(block);
  EXPECT_EQ(sum.get(Timing::kConnect).count(), 6u);
  EXPECT_EQ(sum.get(Timing::kConnect).sumMicros(), 60u);
  EXPECT_EQ(sum.get(Timing::kConnect).bucket(0), 4u);
  EXPECT_EQ(sum.get(Timing::kConnect).bucket(1), 2u);
  EXPECT_EQ(sum.get(Timing::kTurn).count(), 2u);
  EXPECT_EQ(sum.get(Timing::kFirstByte).count(), 0u);
}

TEST(Timings, QuantilesAreWithinTheBucketOfTheTime) {
  TimingTotals totals;
  EXPECT_FALSE(totals.quantileMicros(0.5));
  for (int i = 0; i < 90; ++i) totals.add(100);   // bucket 64..128
  for (int i = 0; i < 10; ++i) totals.add(5000);  // bucket 4096..8192
  EXPECT_GT(*totals.quantileMicros(0.5), 64u);
  EXPECT_LE(*totals.quantileMicros(0.5), 128u);
  EXPECT_LE(*totals.quantileMicros(0.9), 128u);
  EXPECT_GT(*totals.quantileMicros(0.95), 4096u);
  EXPECT_LE(*totals.quantileMicros(0.99), 8192u);
  EXPECT_LT(*totals.quantileMicros(0.95), *totals.quantileMicros(0.99));
  EXPECT_EQ(*totals.quantileMicros(1.0), 8192u);
  EXPECT_EQ(*totals.quantileMicros(0.0), 64u);
  EXPECT_EQ(*totals.quantileMicros(2.0), *totals.quantileMicros(1.0));
}

TEST(Timings, QuantilesAboveTheLastLimitAreThatLimit) {
  TimingTotals totals;
  totals.add(UINT64_MAX / 2);
  EXPECT_EQ(*totals.quantileMicros(0.5), timingLimitMicros(kTimingLimits - 1));
}

TEST(Timings, SinceIsTheDifference) {
  TimingTotals before;
  before.add(10);
  TimingTotals after = before;
  after.add(3000);
  const TimingTotals difference = after.since(before);
  EXPECT_EQ(difference.count(), 1u);
  EXPECT_EQ(difference.sumMicros(), 3000u);
  EXPECT_GT(*difference.quantileMicros(0.5), 2048u);
  EXPECT_EQ(before.since(after).count(), 0u);
}

TEST(Timings, NothingIsRecordedOrAllocatedUntilEnabled) {
  CounterRegistry registry;
  CounterBlock& early = registry.addBlock();
  EXPECT_EQ(early.timings(), nullptr);
  early.record(Timing::kTurn, Micros{5});
  EXPECT_FALSE(registry.timingsEnabled());
  EXPECT_EQ(registry.timings().get(Timing::kTurn).count(), 0u);
  registry.enableTimings();
  registry.enableTimings();  // a reload
  CounterBlock& late = registry.addBlock();
  early.record(Timing::kTurn, Micros{5});
  late.record(Timing::kTurn, Micros{6});
  EXPECT_TRUE(registry.timingsEnabled());
  EXPECT_EQ(registry.timings().get(Timing::kTurn).count(), 2u);
  EXPECT_EQ(registry.timings().get(Timing::kTurn).sumMicros(), 11u);
}

TEST(Timings, EnabledWhileAThreadRecords) {
  CounterRegistry registry;
  CounterBlock& block = registry.addBlock();
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    while (!stop.load()) block.record(Timing::kTurn, Micros{20});
    block.record(Timing::kTurn, Micros{20});
  });
  registry.enableTimings();
  uint64_t last = 0;
  for (int i = 0; i < 100; ++i) {
    const uint64_t now = registry.timings().get(Timing::kTurn).count();
    EXPECT_GE(now, last);
    last = now;
  }
  stop.store(true);
  writer.join();
  EXPECT_GE(registry.timings().get(Timing::kTurn).count(), 1u);
}

TEST(Timings, NamesAreSound) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kTimingCount; ++i) {
    const TimingInfo& info = timingInfo(static_cast<Timing>(i));
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_EQ(info.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos);
    EXPECT_FALSE(info.brief.empty());
    EXPECT_FALSE(info.brief.ends_with('.'));
  }
}

}  // namespace
}  // namespace culvert
