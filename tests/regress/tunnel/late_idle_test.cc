// SPDX-License-Identifier: GPL-3.0-or-later
// Done: a client connected, and nothing was said. Seen: the tunnel ended after twice idle-timeout.
// What the handshake had sent was noticed only when the limit was judged, and counted as activity of
// that moment; the same went for answers to records without payload. Right: idle-timeout.
#include <gtest/gtest.h>

#include "scripted_tunnel.h"
#include "simulated_time.h"

namespace culvert {
namespace {

class LateIdle : public testing::Test {
 protected:
  void expectIdleIn(Millis time) {
    const TimePoint from = time_.now();
    ASSERT_TRUE(b_.waitEnd(Millis(300'000)));
    EXPECT_EQ(b_.report.cause, "idle");
    EXPECT_GE(time_.now() - from, time);
    EXPECT_LE(time_.now() - from, time + Millis(100));
  }

  SimulatedTime time_;
  TunnelBench b_;
};

TEST_F(LateIdle, AfterAHandshake) {
  b_.options.idleTimeout = Millis(60'000);
  b_.client.handshakes = {IoStatus::kBlocked};
  b_.client.handshakeSends = 1000;
  b_.open();
  b_.client.handshakes = {IoStatus::kOk};
  expectIdleIn(Millis(60'000));
}

TEST_F(LateIdle, AfterAnAnswerToARecordWithoutPayload) {
  b_.options.idleTimeout = Millis(60'000);
  b_.client.overhead = 22;
  b_.client.answersAReadWith = 30;
  b_.open();
  b_.settle();
  time_.advance(Millis(20'000));
  b_.client.emptyReads = 1;
  expectIdleIn(Millis(40'000));
}

}  // namespace
}  // namespace culvert
