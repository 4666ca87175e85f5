// SPDX-License-Identifier: GPL-3.0-or-later
// The levels of a share of memory-limit, and the charges on it.
#include "buffer/memory_share.h"

#include <gtest/gtest.h>

#include <random>

namespace culvert {
namespace {

constexpr size_t kShare = 8000;
using Level = MemoryLevel;

/// The share holds `total` bytes afterwards.
Level holding(MemoryShare& share, size_t total) {
  const size_t now = share.used(MemoryUse::kBuffers);
  if (total >= now) share.add(MemoryUse::kBuffers, total - now);
  if (total < now) share.sub(MemoryUse::kBuffers, now - total);
  EXPECT_EQ(share.total(), total);
  return share.level();
}

TEST(MemoryShare, WithoutALimitMemoryIsAmple) {
  MemoryShare share;
  EXPECT_EQ(holding(share, size_t{1} << 60), Level::kAmple);
  EXPECT_EQ(holding(share, 0), Level::kAmple);
}

TEST(MemoryShare, RisesAndFallsAtItsMarks) {
  MemoryShare share;
  share.setLimit(kShare);
  const struct {
    size_t total;
    Level level;
  } steps[] = {
      {5999, Level::kAmple}, {6000, Level::kTight}, {5000, Level::kTight}, {4999, Level::kAmple},
      {5999, Level::kAmple}, {7999, Level::kTight}, {8000, Level::kFull},  {9000, Level::kFull},
      {7000, Level::kFull},  {6999, Level::kTight}, {7999, Level::kTight}, {8000, Level::kFull},
      {4999, Level::kAmple}, {8000, Level::kFull},  {5000, Level::kTight}, {0, Level::kAmple},
  };
  for (const auto& step : steps) EXPECT_EQ(holding(share, step.total), step.level) << step.total;
}

TEST(MemoryShare, ANewLimitCountsAtOnce) {
  MemoryShare share;
  EXPECT_EQ(holding(share, 6000), Level::kAmple);
  share.setLimit(kShare);
  EXPECT_EQ(share.level(), Level::kTight);
  share.setLimit(6000);
  EXPECT_EQ(share.level(), Level::kFull);
  share.setLimit(2 * kShare);
  EXPECT_EQ(share.level(), Level::kAmple);
  share.setLimit(6000);
  share.setLimit(0);
  EXPECT_EQ(share.level(), Level::kAmple);
  EXPECT_EQ(holding(share, 1'000'000), Level::kAmple);
}

/// The level is a function of the total, except between a mark and the lower one behind it.
TEST(MemoryShare, EveryWalkKeepsTheRule) {
  std::mt19937 random(20260301);
  MemoryShare share;
  share.setLimit(kShare);
  Level before = Level::kAmple;
  size_t total = 0;
  for (int i = 0; i < 100'000; ++i) {
    const size_t step = random() % 700;
    total = random() % 2 == 0 && total >= step ? total - step : total + step;
    if (total > 10'000) total = 0;
    const Level level = holding(share, total);
    if (total >= kShare) {
      ASSERT_EQ(level, Level::kFull);
    } else if (total < 5000) {
      ASSERT_EQ(level, Level::kAmple);
    } else if (total < 6000) {
      ASSERT_EQ(level, before == Level::kAmple ? Level::kAmple : Level::kTight);
    } else if (total < 7000) {
      ASSERT_EQ(level, Level::kTight);
    } else {
      ASSERT_EQ(level, before == Level::kFull ? Level::kFull : Level::kTight);
    }
    before = level;
  }
}

TEST(MemoryShare, SaysOnceThatSomethingHasChanged) {
  MemoryShare share;
  EXPECT_FALSE(share.takeChanged());
  share.add(MemoryUse::kTunnels, 1);
  EXPECT_TRUE(share.takeChanged());
  EXPECT_FALSE(share.takeChanged());
  share.sub(MemoryUse::kTunnels, 1);
  EXPECT_TRUE(share.takeChanged());
  share.setLimit(kShare);
  EXPECT_TRUE(share.takeChanged());
}

TEST(MemoryCharge, CountsAsLongAsItExists) {
  MemoryShare share;
  {
    MemoryCharge charge(share, MemoryUse::kHandshakes, 100);
    MemoryCharge other(share, MemoryUse::kTunnels, 7);
    EXPECT_EQ(share.used(MemoryUse::kHandshakes), 100u);
    charge.resize(5000);
    EXPECT_EQ(share.used(MemoryUse::kHandshakes), 5000u);
    EXPECT_EQ(share.total(), 5007u);
    charge.resize(0);
    EXPECT_EQ(share.total(), 7u);
  }
  EXPECT_EQ(share.total(), 0u);
}

}  // namespace
}  // namespace culvert
