// SPDX-License-Identifier: GPL-3.0-or-later
// When failures eject an address, for how long, and how many at once.
#include "backend/ejection.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

class EjectionTest : public testing::Test {
 protected:
  static SocketAddress at(uint16_t port) { return SocketAddress::ipv4(INADDR_LOOPBACK, port); }
  static AddressSet upTo(uint16_t last) {
    AddressSet all;
    for (uint16_t port = 1; port <= last; ++port) all.push_back(at(port));
    return all;
  }
  std::optional<Ejection::Ejected> fail(uint16_t port) {
    return ejection_.failed(at(port), all_, limits_, now_);
  }
  /// Fails until the address is ejected.
  Ejection::Ejected eject(uint16_t port) {
    for (int i = 0; i < 10; ++i)
      if (const auto out = fail(port)) return *out;
    ADD_FAILURE() << port << " is not ejected";
    return {};
  }
  bool out(uint16_t port) const { return ejection_.ejected(at(port), now_); }
  void pass(Millis time) { now_ += time; }

  Ejection ejection_;
  Ejection::Limits limits_{.failures = 3, .time = Millis(1000)};
  AddressSet all_ = upTo(4);
  TimePoint now_ = TimePoint{} + std::chrono::hours(1);
};

TEST_F(EjectionTest, FailuresInARowEject) {
  EXPECT_TRUE(ejection_.empty());
  EXPECT_FALSE(fail(1));
  EXPECT_FALSE(ejection_.empty());
  EXPECT_FALSE(fail(1));
  EXPECT_FALSE(out(1));
  const auto ejected = fail(1);
  ASSERT_TRUE(ejected);
  EXPECT_EQ(ejected->failures, 3u);
  EXPECT_EQ(ejected->time, Millis(1000));
  EXPECT_TRUE(out(1));
  EXPECT_EQ(ejection_.ejectedUntil(at(1), now_), now_ + Millis(1000));
  EXPECT_FALSE(out(2));
  EXPECT_FALSE(fail(1)) << "it is ejected already";
}

TEST_F(EjectionTest, ASuccessBeginsAnew) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(fail(1));
    EXPECT_FALSE(fail(1));
    EXPECT_FALSE(ejection_.succeeded(at(1), now_));
    EXPECT_TRUE(ejection_.empty());
  }
}

TEST_F(EjectionTest, ReturnsWhenItsTimeIsOverAndSaysSoOnce) {
  eject(1);
  pass(Millis(999));
  EXPECT_TRUE(out(1));
  EXPECT_TRUE(ejection_.takeReturned(now_).empty());
  pass(Millis(1));
  EXPECT_FALSE(out(1));
  const auto back = ejection_.takeReturned(now_);
  ASSERT_EQ(back.size(), 1u);
  EXPECT_EQ(back[0].address, at(1));
  EXPECT_EQ(back[0].lasted, Millis(1000));
  EXPECT_TRUE(ejection_.takeReturned(now_).empty());
}

TEST_F(EjectionTest, TheNextFailureEjectsAgainForLongerUpToTenTimes) {
  eject(1);
  for (int64_t times = 2; times <= 13; ++times) {
    pass(Millis(20'000));
    const auto again = fail(1);
    ASSERT_TRUE(again) << "no success lies between";
    EXPECT_EQ(again->time, Millis(1000) * std::min<int64_t>(times, 10));
  }
  pass(Millis(20'000));
  ejection_.succeeded(at(1), now_);
  EXPECT_FALSE(fail(1));
  EXPECT_EQ(eject(1).time, Millis(1000)) << "a success forgets what was";
}

TEST_F(EjectionTest, ASuccessEndsAnEjection) {
  eject(1);
  pass(Millis(300));
  const auto back = ejection_.succeeded(at(1), now_);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->lasted, Millis(300));
  EXPECT_FALSE(out(1));
}

TEST_F(EjectionTest, NeverMoreThanHalf) {
  for (const uint16_t many : {2, 3, 4, 5, 9}) {
    ejection_ = {};
    all_ = upTo(many);
    uint16_t ejected = 0;
    for (uint16_t port = 1; port <= many; ++port)
      for (int i = 0; i < 5; ++i) ejected += fail(port) ? 1 : 0;
    EXPECT_EQ(ejected, many / 2) << many;
  }
}

TEST_F(EjectionTest, AReturnMakesRoomForAnother) {
  all_ = upTo(2);
  eject(1);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(fail(2));
  pass(Millis(1000));
  EXPECT_TRUE(fail(2));
  EXPECT_FALSE(fail(1)) << "now the other one has the place";
}

TEST_F(EjectionTest, TheOnlyAddressIsNeverEjected) {
  all_ = upTo(1);
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(fail(1));
  EXPECT_TRUE(ejection_.empty()) << "nothing is counted";
  all_ = {at(1), at(1)};
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(fail(1)) << "two names of one address";
}

TEST_F(EjectionTest, CanBeOff) {
  limits_.failures = 0;
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(fail(1));
  EXPECT_TRUE(ejection_.empty());
}

TEST_F(EjectionTest, AddressesThatAreGoneAreForgottenAndTakeNoPlace) {
  all_ = upTo(2);
  eject(1);
  all_ = {at(2), at(3)};
  EXPECT_EQ(eject(2).failures, 3u) << "the old one is not of this half";
  ejection_.keepOnly(all_);
  EXPECT_FALSE(out(1));
  EXPECT_TRUE(out(2));
}

}  // namespace
}  // namespace culvert
