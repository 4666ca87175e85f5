// SPDX-License-Identifier: GPL-3.0-or-later
// When an OCSP response is asked for again: before it expires, and never in a storm.
#include "certs/ocsp_schedule.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

constexpr int64_t kDay = 86400;
constexpr int64_t kNow = 1'800'000'000;

Staple validFor(int64_t before, int64_t after) {
  Staple staple;
  staple.thisUpdate = kNow - before;
  staple.validUntil = kNow + after;
  staple.verifiedAt = kNow;
  return staple;
}

TEST(OcspSchedule, ReplacesAtHalfTime) {
  EXPECT_EQ(refreshPoint(validFor(0, 100), kNow), kNow + 50);
  EXPECT_EQ(delayAfterSuccess(validFor(0, 1000), kNow, 0), Millis(500'000));
  EXPECT_EQ(delayAfterSuccess(validFor(200, 800), kNow, 0), Millis(300'000));
}

TEST(OcspSchedule, SpreadsOverATwentieth) {
  EXPECT_EQ(delayAfterSuccess(validFor(0, 1000), kNow, 0.5), Millis(525'000));
  EXPECT_LT(delayAfterSuccess(validFor(0, 1000), kNow, 0.999), Millis(550'000));
}

TEST(OcspSchedule, LooksAgainWithinAnHour) {
  EXPECT_EQ(delayAfterSuccess(validFor(0, 7 * kDay), kNow, 0), kLongestOcspWait);
  EXPECT_EQ(delayAfterSuccess(validFor(4 * kDay, 3 * kDay), kNow, 0), kLongestOcspWait);
}

TEST(OcspSchedule, AResponderThatIsBehindIsAskedAfterAQuarterOfTheRest) {
  EXPECT_EQ(delayAfterSuccess(validFor(600, 400), kNow, 0.9), Millis(100'000));
  EXPECT_EQ(delayAfterSuccess(validFor(600, 1), kNow, 0), Millis(1000)) << "no storm at the end";
}

TEST(OcspSchedule, FailuresBackOff) {
  const auto wait = [](unsigned failures) {
    return delayAfterFailure(failures, nullptr, kNow, 0.5);
  };
  EXPECT_EQ(wait(1), Millis(2000));
  EXPECT_EQ(wait(2), Millis(4000));
  EXPECT_EQ(wait(6), Millis(64'000));
  EXPECT_EQ(wait(12), kLongestOcspWait);
  EXPECT_EQ(wait(4'000'000'000U), kLongestOcspWait);
  EXPECT_EQ(wait(0), Millis(2000));
  EXPECT_EQ(delayAfterFailure(3, nullptr, kNow, 0), Millis(6000));
  EXPECT_LT(delayAfterFailure(3, nullptr, kNow, 0.999), Millis(10'000));
}

TEST(OcspSchedule, TriesHarderWhileSomethingIsLeftToLose) {
  const Staple ending = validFor(kDay, 400);
  EXPECT_EQ(delayAfterFailure(12, &ending, kNow, 0.5), Millis(100'000));
  EXPECT_EQ(delayAfterFailure(1, &ending, kNow, 0.5), Millis(2000));
  const Staple over = validFor(kDay, -1);
  EXPECT_EQ(delayAfterFailure(12, &over, kNow, 0.5), kLongestOcspWait);
}

TEST(ResponderRestTest, WhatWasUnderWayTogetherCountsOnce) {
  const TimePoint start{Millis(1'000'000)};
  ResponderRest rest;
  EXPECT_LT(rest.until(), start);
  for (int i = 0; i < 12; ++i) rest.onSilence(start, start + Millis(100), 0.5);
  EXPECT_EQ(rest.until(), start + Millis(2100)) << "twelve certificates, one look-up";
  rest.onSilence(start + Millis(50), start + Millis(9000), 0.5);
  EXPECT_EQ(rest.until(), start + Millis(2100)) << "a request that was under way, and slower";
}

TEST(ResponderRestTest, GrowsWithEachAndEndsWithAnAnswer) {
  TimePoint now{Millis(1'000'000)};
  ResponderRest rest;
  for (const int64_t wait : {2000, 4000, 8000}) {
    rest.onSilence(now, now + Millis(10), 0.5);
    EXPECT_EQ(rest.until(), now + Millis(10 + wait));
    now = rest.until() + Millis(1);
  }
  rest.onAnswer();
  rest.onSilence(now, now + Millis(10), 0.5);
  EXPECT_EQ(rest.until(), now + Millis(2010));
}

}  // namespace
}  // namespace culvert
