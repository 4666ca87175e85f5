// SPDX-License-Identifier: GPL-3.0-or-later
// The limits of time: each ends the tunnel with its own cause, none fires early, and whatever moves
// holds them off.
#include <gtest/gtest.h>

#include <string>

#include "byte_pattern.h"
#include "scripted_tunnel.h"

namespace culvert {
namespace {

class TunnelTimeout : public testing::Test {
 protected:
  void expectEnded(const std::string& cause, Millis notBefore) {
    ASSERT_TRUE(b_.waitEnd());
    EXPECT_EQ(b_.report.cause, cause);
    EXPECT_EQ(b_.report.ended, 1u);
    EXPECT_GE(Clock::now() - start_, notBefore);
    EXPECT_EQ(b_.pool.leasedBytes(), 0u);
    EXPECT_TRUE(b_.tunnels.empty());
  }
  /// Lets `time` pass on the loop.
  void pass(Millis time) {
    const TimePoint until = Clock::now() + time;
    while (Clock::now() < until) {
      b_.settle();
      b_.guard.armBy(b_.loop.now() + Millis(2));
      b_.loop.turn(true);
    }
  }

  TunnelBench b_;
  const TimePoint start_ = Clock::now();
};

TEST_F(TunnelTimeout, TheHandshake) {
  b_.options.handshakeTimeout = Millis(30);
  b_.client.handshakes = {IoStatus::kBlocked};
  b_.open();
  expectEnded("handshake-timeout", Millis(30));
  EXPECT_TRUE(b_.client.aborted);
}

TEST_F(TunnelTimeout, AHandshakeThatCulvertDelaysEndsWithTheReasonOfTheDelay) {
  b_.options.handshakeTimeout = Millis(30);
  b_.client.handshakes = {IoStatus::kBlocked};
  b_.client.delay = CloseReason{CloseCause::kLimit, "handshake-rate"};
  b_.open();
  expectEnded("limit:handshake-rate", Millis(30));
  EXPECT_TRUE(b_.client.aborted);
}

TEST_F(TunnelTimeout, ADripDoesNotHoldTheHandshakeTimeoutOff) {
  b_.options.handshakeTimeout = Millis(40);
  b_.client.handshakes = {IoStatus::kBlocked};
  b_.open();
  while (b_.report.ended == 0 && Clock::now() - start_ < Millis(5000)) {
    b_.client.handshakes = {IoStatus::kBlocked};
    pass(Millis(2));
  }
  expectEnded("handshake-timeout", Millis(40));
  EXPECT_LT(Clock::now() - start_, Millis(2000));
}

TEST_F(TunnelTimeout, Idle) {
  b_.options.idleTimeout = Millis(30);
  b_.open();
  expectEnded("idle", Millis(30));
  EXPECT_EQ(b_.count(Counter::kIdleCloses), 1u);
  EXPECT_TRUE(b_.client.aborted && b_.backend.aborted);
}

TEST_F(TunnelTimeout, AByteInEitherDirectionHoldsIdleOff) {
  b_.options.idleTimeout = Millis(60);
  b_.open();
  for (int i = 0; i < 6; ++i) {
    pass(Millis(20));
    ASSERT_EQ(b_.report.ended, 0u) << "after " << i << " pieces";
    (i % 2 == 0 ? b_.client : b_.backend).input += "x";
  }
  EXPECT_EQ(b_.backend.received.size() + b_.client.received.size(), 5u);
  expectEnded("idle", Millis(160));
}

TEST_F(TunnelTimeout, RecordsWithoutPayloadDoNotHoldIdleOff) {
  b_.options.idleTimeout = Millis(40);
  b_.open();
  while (b_.report.ended == 0 && Clock::now() - start_ < Millis(5000)) {
    b_.client.emptyReads = 1;
    pass(Millis(2));
  }
  expectEnded("idle", Millis(40));
}

TEST_F(TunnelTimeout, ABackendThatTakesNothing) {
  b_.options.stallTimeout = Millis(30);
  b_.backend.window = 10;
  b_.client.input = pattern(100);
  b_.open();
  expectEnded("backend-stalled", Millis(30));
  EXPECT_EQ(b_.count(Counter::kStallsBackend), 1u);
  EXPECT_EQ(b_.count(Counter::kStallsClient), 0u);
  EXPECT_EQ(b_.report.inboundLost, 90u);
}

TEST_F(TunnelTimeout, AClientThatTakesNothing) {
  b_.options.stallTimeout = Millis(30);
  b_.client.overhead = 22;
  b_.client.window = 10;
  b_.backend.input = pattern(100);
  b_.open();
  expectEnded("client-stalled", Millis(30));
  EXPECT_EQ(b_.count(Counter::kStallsClient), 1u);
}

/// The backlog of answers (KeyUpdates) waits for the client like any other bytes.
TEST_F(TunnelTimeout, AClientThatAsksForAnswersAndReadsNone) {
  b_.options.stallTimeout = Millis(30);
  b_.client.overhead = 22;
  b_.client.window = 0;
  b_.client.answersAReadWith = 30;
  b_.client.input = "a question";
  b_.open();
  expectEnded("client-stalled", Millis(30));
}

/// The same for a backend whose stream answers, as TLS does.
TEST_F(TunnelTimeout, ABackendThatAsksForAnswersAndReadsNone) {
  b_.options.stallTimeout = Millis(30);
  b_.backend.overhead = 22;
  b_.backend.window = 0;
  b_.backend.answersAReadWith = 30;
  b_.backend.input = "a question";
  b_.open();
  expectEnded("backend-stalled", Millis(30));
}

/// What leaves while the client is read is progress as well.
TEST_F(TunnelTimeout, ASlowReaderThatSendsIsNotAStalledOne) {
  b_.options.stallTimeout = Millis(60);
  b_.client.overhead = 22;
  b_.client.window = 0;
  b_.backend.input = pattern(100);
  b_.open();
  for (int i = 0; i < 10; ++i) {
    pass(Millis(15));
    ASSERT_EQ(b_.report.ended, 0u);
    b_.client.input += "x";
    b_.client.open(1);
    ASSERT_TRUE(b_.client.fireReadable());
  }
}

TEST_F(TunnelTimeout, AStalledSideIsNotSavedByTheOtherDirection) {
  b_.options.stallTimeout = Millis(40);
  b_.backend.window = 0;
  b_.client.input = pattern(100);
  b_.open();
  while (b_.report.ended == 0 && Clock::now() - start_ < Millis(5000)) {
    b_.backend.input += "x";
    pass(Millis(2));
  }
  expectEnded("backend-stalled", Millis(40));
}

TEST_F(TunnelTimeout, ASlowReaderIsNotAStalledOne) {
  b_.options.stallTimeout = Millis(60);
  b_.backend.window = 0;
  b_.client.input = pattern(10);
  b_.open();
  for (int i = 0; i < 10; ++i) {
    pass(Millis(15));
    ASSERT_EQ(b_.report.ended, 0u);
    b_.backend.open(1);
  }
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(difference(b_.backend.received, pattern(10)), "");
  EXPECT_EQ(b_.report.ended, 0u);
}

TEST_F(TunnelTimeout, AHalfClosedTunnelWithoutProgress) {
  b_.options.halfCloseTimeout = Millis(30);
  b_.client.inputEnd = IoStatus::kEof;
  b_.open();
  expectEnded("client-fin", Millis(30));
  EXPECT_TRUE(b_.backend.finSeen);
  EXPECT_TRUE(b_.client.aborted) << "not ended in order: no close_notify came from the backend";
  EXPECT_FALSE(b_.client.finSeen);
}

TEST_F(TunnelTimeout, ProgressHoldsTheHalfCloseTimeoutOff) {
  b_.options.halfCloseTimeout = Millis(60);
  b_.client.inputEnd = IoStatus::kEof;
  b_.open();
  for (int i = 0; i < 8; ++i) {
    pass(Millis(20));
    ASSERT_EQ(b_.report.ended, 0u);
    b_.backend.input += "x";
  }
  b_.backend.inputEnd = IoStatus::kEof;
  expectEnded("client-fin", Millis(160));
  EXPECT_TRUE(b_.client.finSeen);
  EXPECT_FALSE(b_.client.aborted);
  EXPECT_EQ(b_.client.received.size(), 8u);
}

TEST_F(TunnelTimeout, ZeroIsNoLimit) {
  b_.options.handshakeTimeout = b_.options.idleTimeout = b_.options.stallTimeout =
      b_.options.halfCloseTimeout = Millis(0);
  b_.client.handshakes = {IoStatus::kBlocked};
  b_.backend.window = 0;
  b_.open();
  pass(Millis(20));
  EXPECT_EQ(b_.tunnel->state(), TunnelState::kHandshake);
  b_.client.handshakes = {IoStatus::kOk};
  pass(Millis(2));
  EXPECT_EQ(b_.tunnel->state(), TunnelState::kRelay);
  b_.client.input = "stalled";
  b_.backend.inputEnd = IoStatus::kEof;
  pass(Millis(60));
  EXPECT_EQ(b_.report.ended, 0u);
  b_.tunnel->close({CloseCause::kDrain});
  ASSERT_TRUE(b_.waitEnd());
}

TEST_F(TunnelTimeout, IdleWhileTheBackendIsReached) {
  b_.options.idleTimeout = Millis(30);
  b_.dialing.atOnce = false;
  b_.open();
  expectEnded("idle", Millis(30));
  EXPECT_TRUE(b_.dialing.cancelled);
}

/// Waiting costs nothing: the loop sleeps between the few times the timer looks.
TEST_F(TunnelTimeout, WaitingDoesNotSpin) {
  b_.options.idleTimeout = Millis(200);
  b_.backend.window = 0;
  b_.client.input = pattern(100'000);
  b_.open();
  ASSERT_TRUE(b_.settle());
  size_t turns = 0;
  for (; b_.report.hostsGone == 0 && turns < 1000; ++turns) b_.loop.turn(true);
  EXPECT_LT(turns, 40u);
  expectEnded("idle", Millis(200));
}

}  // namespace
}  // namespace culvert
