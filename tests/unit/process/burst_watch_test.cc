// SPDX-License-Identifier: GPL-3.0-or-later
// When a burst counts as over: once, after a while, and only if there was one.
#include "process/burst_watch.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

constexpr size_t kMany = 5000;

/// One look every half second, as the control thread does it.
struct Looks {
  BurstWatch watch;
  TimePoint now{std::chrono::hours(1)};

  bool look(size_t most) {
    now += Millis(500);
    return watch.isOver(most, now);
  }
  /// How many of the looks within the time said yes.
  int looksFor(Millis time, size_t most) {
    int over = 0;
    for (const TimePoint end = now + time; now < end;) over += look(most) ? 1 : 0;
    return over;
  }
};

TEST(BurstWatch, OverOnceAndNotAtOnce) {
  Looks looks;
  EXPECT_FALSE(looks.look(kMany));
  EXPECT_EQ(looks.looksFor(BurstWatch::kQuiet, 0), 0);
  EXPECT_TRUE(looks.look(0));
  EXPECT_EQ(looks.looksFor(Millis(60'000), 0), 0);
}

TEST(BurstWatch, FewTunnelsAreNoBurst) {
  Looks looks;
  looks.look(BurstWatch::kBurst - 1);
  EXPECT_EQ(looks.looksFor(Millis(60'000), 0), 0);
}

TEST(BurstWatch, ManyTunnelsThatStayAreNotOver) {
  Looks looks;
  EXPECT_EQ(looks.looksFor(Millis(60'000), kMany), 0);
  EXPECT_EQ(looks.looksFor(Millis(60'000), kMany * 2 / 3), 0);
}

TEST(BurstWatch, HalfOfThemGoneIsEnoughAndTheRestCountsAgain) {
  Looks looks;
  looks.look(kMany);
  EXPECT_EQ(looks.looksFor(Millis(10'000), kMany / 2), 1);
  EXPECT_EQ(looks.looksFor(Millis(10'000), kMany / 4), 1);
  EXPECT_EQ(looks.looksFor(Millis(10'000), kMany / 8), 1);
  EXPECT_EQ(looks.looksFor(Millis(10'000), 10), 1);
  EXPECT_EQ(looks.looksFor(Millis(10'000), 0), 0);  // ten were no burst
}

TEST(BurstWatch, CrowdsOneAfterAnotherAreOneBurst) {
  Looks looks;
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(looks.look(kMany));
    EXPECT_EQ(looks.looksFor(BurstWatch::kQuiet - Millis(500), 0), 0);
  }
  EXPECT_EQ(looks.looksFor(Millis(60'000), 0), 1);
}

}  // namespace
}  // namespace culvert
