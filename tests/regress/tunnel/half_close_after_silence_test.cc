// SPDX-License-Identifier: GPL-3.0-or-later
// Done: a connection was silent for longer than half-close-timeout, and then its client ended in
// order. Seen: half-close-timeout ran from the last byte, so it had passed already; culvert cut both
// sides at once, and the backend's answer was lost. Right: it runs from the end.
#include <gtest/gtest.h>

#include "scripted_tunnel.h"
#include "simulated_time.h"

namespace culvert {
namespace {

class HalfCloseAfterSilence : public testing::Test {
 protected:
  void SetUp() override {
    b_.options.halfCloseTimeout = Millis(60'000);
    b_.open();
    pass(Millis(120'000));
    ASSERT_EQ(b_.tunnel->state(), TunnelState::kRelay);
  }
  void pass(Millis time) {
    b_.settle();
    b_.guard.armBy(time_.now() + time);
    for (const TimePoint until = time_.now() + time; time_.now() < until; b_.settle())
      b_.loop.turn(true);
  }

  SimulatedTime time_;
  TunnelBench b_;
};

TEST_F(HalfCloseAfterSilence, TheBackendHasTimeForItsAnswer) {
  b_.client.inputEnd = IoStatus::kEof;
  pass(Millis(10'000));
  ASSERT_EQ(b_.report.ended, 0u) << b_.report.detail;
  EXPECT_TRUE(b_.backend.finSeen);
  b_.backend.input = "answer";
  b_.backend.inputEnd = IoStatus::kEof;
  ASSERT_TRUE(b_.waitEnd());
  EXPECT_EQ(b_.client.received, "answer");
  EXPECT_EQ(b_.report.cause, "client-fin");
  EXPECT_EQ(b_.report.detail, "");
}

TEST_F(HalfCloseAfterSilence, TheClientHasTimeForItsEnd) {
  b_.backend.inputEnd = IoStatus::kEof;
  pass(Millis(10'000));
  ASSERT_EQ(b_.report.ended, 0u) << b_.report.detail;
  b_.client.inputEnd = IoStatus::kEof;
  ASSERT_TRUE(b_.waitEnd());
  EXPECT_EQ(b_.report.cause, "backend-fin");
  EXPECT_EQ(b_.report.detail, "");
}

TEST_F(HalfCloseAfterSilence, TheLimitHoldsFromThere) {
  b_.client.inputEnd = IoStatus::kEof;
  const TimePoint end = time_.now();
  ASSERT_TRUE(b_.waitEnd(Millis(70'000)));
  EXPECT_EQ(b_.report.detail, "half-close-timeout passed: the backend had not ended its direction");
  EXPECT_GE(time_.now() - end, Millis(60'000));
  EXPECT_LE(time_.now() - end, Millis(60'100));
}

}  // namespace
}  // namespace culvert
