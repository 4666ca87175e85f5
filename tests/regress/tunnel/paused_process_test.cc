// SPDX-License-Identifier: GPL-3.0-or-later
// Done: the process was stopped (SIGSTOP) for longer than a limit, and bytes came meanwhile. Seen: a
// stopped epoll_wait() returns without events, so the timers were judged first, and every tunnel
// with data waiting was cut. Right: what waits is read before a limit is judged, and an absolute
// limit is moved by the time that the process stood still.
#include <gtest/gtest.h>

#include <string>

#include "byte_pattern.h"
#include "scripted_tunnel.h"

namespace culvert {
namespace {

class PausedProcess : public testing::Test {
 protected:
  /// The loop sees nothing of what happens within `time`; then only its timers come.
  void pause(Millis time) {
    const TimePoint until = Clock::now() + time;
    while (Clock::now() < until) {
    }
    b_.loop.turn(false);
    b_.loop.turn(false);
  }

  TunnelBench b_;
};

TEST_F(PausedProcess, BytesOfTheClientThatWaitAreActivity) {
  b_.options.idleTimeout = Millis(60);
  b_.open();
  ASSERT_TRUE(b_.settle());
  b_.client.input = "request";
  pause(Millis(90));
  ASSERT_EQ(b_.report.ended, 0u) << b_.report.cause;
  EXPECT_EQ(b_.backend.received, "request");
}

TEST_F(PausedProcess, BytesOfTheBackendThatWaitAreActivity) {
  b_.options.idleTimeout = Millis(60);
  b_.open();
  ASSERT_TRUE(b_.settle());
  b_.backend.input = "answer";
  pause(Millis(90));
  ASSERT_EQ(b_.report.ended, 0u) << b_.report.cause;
  EXPECT_EQ(b_.client.received, "answer");
}

TEST_F(PausedProcess, AnEndThatWaitsIsTheCause) {
  b_.options.idleTimeout = Millis(60);
  b_.open();
  ASSERT_TRUE(b_.settle());
  b_.client.inputEnd = IoStatus::kEof;
  b_.backend.inputEnd = IoStatus::kEof;
  pause(Millis(90));
  ASSERT_TRUE(b_.waitEnd());
  EXPECT_EQ(b_.report.cause, "client-fin");
}

TEST_F(PausedProcess, WhereNothingCameItIsIdle) {
  b_.options.idleTimeout = Millis(30);
  b_.open();
  ASSERT_TRUE(b_.settle());
  pause(Millis(60));
  EXPECT_EQ(b_.report.cause, "idle");
}

TEST_F(PausedProcess, RoomThatCameIsUsedBeforeAStallIsJudged) {
  b_.options.stallTimeout = Millis(60);
  b_.backend.window = 10;
  b_.client.input = pattern(100);
  b_.open();
  ASSERT_TRUE(b_.settle());
  b_.backend.open(1000);
  pause(Millis(90));
  ASSERT_EQ(b_.report.ended, 0u) << b_.report.cause;
  EXPECT_EQ(b_.backend.received, pattern(100));
}

TEST_F(PausedProcess, AnAnswerThatWaitsHoldsTheHalfCloseLimitOff) {
  b_.options.halfCloseTimeout = Millis(60);
  b_.client.inputEnd = IoStatus::kEof;
  b_.open();
  ASSERT_TRUE(b_.settle());
  b_.backend.input = "answer";
  b_.backend.inputEnd = IoStatus::kEof;
  pause(Millis(90));
  ASSERT_TRUE(b_.waitEnd());
  EXPECT_EQ(b_.report.cause, "client-fin");
  EXPECT_EQ(b_.report.detail, "");
  EXPECT_EQ(b_.client.received, "answer");
  EXPECT_EQ(b_.count(Counter::kHalfCloseCuts), 0u);
}

TEST_F(PausedProcess, AHandshakeHasTheTimeThatStoodStill) {
  b_.options.handshakeTimeout = Millis(60);
  b_.client.handshakes = {IoStatus::kBlocked};
  b_.open();
  b_.client.handshakes = {IoStatus::kBlocked, IoStatus::kOk};
  pause(Millis(150));
  ASSERT_EQ(b_.report.ended, 0u) << b_.report.cause;
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.tunnel->state(), TunnelState::kRelay);
}

TEST_F(PausedProcess, AHandshakeHasItOnce) {
  b_.options.handshakeTimeout = Millis(40);
  b_.client.handshakes = {IoStatus::kBlocked};
  b_.open();
  pause(Millis(100));
  ASSERT_EQ(b_.report.ended, 0u);
  pause(Millis(100));
  EXPECT_EQ(b_.report.cause, "handshake-timeout");
}

TEST_F(PausedProcess, AnAcknowledgementThatCameEndsTheDelivery) {
  b_.options.halfCloseTimeout = Millis(60);
  b_.backend.holdAcks = true;
  b_.client.input = "last words";
  b_.open();
  ASSERT_TRUE(b_.settle());
  b_.client.reset();
  ASSERT_TRUE(b_.settle());
  ASSERT_EQ(b_.report.ended, 0u) << "the backend has not acknowledged";
  b_.backend.acknowledge();
  pause(Millis(90));
  ASSERT_TRUE(b_.waitEnd());
  EXPECT_EQ(b_.report.cause, "client-reset");
  EXPECT_EQ(b_.report.detail, "");
  EXPECT_EQ(b_.report.inboundLost, 0u);
}

}  // namespace
}  // namespace culvert
