// SPDX-License-Identifier: GPL-3.0-or-later
// When checks change the state of an address.
#include "backend/health_track.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

class HealthTrackTest : public testing::Test {
 protected:
  std::optional<HealthTrack::Change> check(bool ok) {
    now_ += Millis(100);
    return track_.result(ok, limits_, now_);
  }

  HealthTrack track_;
  HealthTrack::Limits limits_{.rise = 2, .fall = 3};
  TimePoint now_ = TimePoint{} + std::chrono::hours(1);
};

TEST_F(HealthTrackTest, WithoutAResultTheStateIsUnknownAndTheAddressNotDown) {
  EXPECT_EQ(track_.state(), CheckState::kUnknown);
  EXPECT_FALSE(track_.down());
}

TEST_F(HealthTrackTest, TheFirstSuccessIsNoChange) {
  EXPECT_FALSE(check(true));
  EXPECT_EQ(track_.state(), CheckState::kUp);
  EXPECT_EQ(track_.since(), now_);
}

TEST_F(HealthTrackTest, FallFailuresInARowAreDown) {
  EXPECT_FALSE(check(false));
  EXPECT_FALSE(check(false));
  EXPECT_EQ(track_.state(), CheckState::kUnknown);
  const auto change = check(false);
  ASSERT_TRUE(change);
  EXPECT_FALSE(change->up);
  EXPECT_EQ(change->results, 3u);
  EXPECT_EQ(change->lasted, Clock::duration{});
  EXPECT_TRUE(track_.down());
  EXPECT_FALSE(check(false)) << "it is down already";
}

TEST_F(HealthTrackTest, ASuccessInBetweenBeginsAnew) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(check(false));
    EXPECT_FALSE(check(false));
    EXPECT_FALSE(check(true));
  }
  EXPECT_EQ(track_.state(), CheckState::kUp);
}

TEST_F(HealthTrackTest, RiseSuccessesInARowAreUpAndSayHowLongItWasDown) {
  for (int i = 0; i < 3; ++i) check(false);
  EXPECT_FALSE(check(true));
  EXPECT_FALSE(check(false)) << "begins anew";
  EXPECT_FALSE(check(true));
  EXPECT_TRUE(track_.down());
  const auto change = check(true);
  ASSERT_TRUE(change);
  EXPECT_TRUE(change->up);
  EXPECT_EQ(change->lasted, Millis(400));
  EXPECT_EQ(track_.state(), CheckState::kUp);
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(check(false));
  EXPECT_EQ(check(false)->lasted, Millis(300)) << "how long it was up";
}

TEST_F(HealthTrackTest, WithLimitsOfOneEachResultDecides) {
  limits_ = {1, 1};
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(check(false));
    EXPECT_TRUE(check(true));
  }
}

}  // namespace
}  // namespace culvert
