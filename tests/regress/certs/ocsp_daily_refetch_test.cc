// SPDX-License-Identifier: GPL-3.0-or-later
// An OCSP response with nextUpdate in ten years was asked for again in five. Done: one answer of a
// responder, intercepted on plain HTTP. Seen: it stays for years, over every reload. Right: it is
// asked for again at least once a day, whatever its nextUpdate says.
#include <gtest/gtest.h>

#include "certs/ocsp_schedule.h"

namespace culvert {
namespace {

constexpr int64_t kNow = 1'800'000'000;
constexpr int64_t kDay = 86400;

TEST(OcspDailyRefetch, TheLongestValidityLastsADay) {
  Staple staple;
  staple.thisUpdate = kNow - 60;
  staple.validUntil = kNow + 3650 * kDay;
  staple.verifiedAt = kNow;
  EXPECT_EQ(refreshPoint(staple, kNow), kNow + kDay);
  EXPECT_EQ(refreshPoint(staple, kNow + 5 * kDay), kNow + kDay)
      << "carried over, it grows no younger";
  EXPECT_LE(delayAfterSuccess(staple, kNow, 0.999), kLongestOcspWait);
  EXPECT_LE(delayAfterSuccess(staple, kNow + 2 * kDay, 0.999), kLongestOcspWait);
  staple.validUntil = kNow + 100;
  EXPECT_EQ(refreshPoint(staple, kNow), kNow + 20) << "a short one at half time, as ever";
}

TEST(OcspDailyRefetch, AClockThatWasSetBackDoesNotPutItOff) {
  Staple staple;
  staple.thisUpdate = kNow - 3650 * kDay;
  staple.validUntil = kNow + 3650 * kDay;
  staple.verifiedAt = kNow + 3000 * kDay;
  EXPECT_EQ(refreshPoint(staple, kNow), kNow);
}

}  // namespace
}  // namespace culvert
