// SPDX-License-Identifier: GPL-3.0-or-later
// The plans of a tunnel's opening: handshakes with the client, with the backend, or with both, and
// dialogs in which an end agrees on TLS while bytes flow.
#include <gtest/gtest.h>

#include <string>

#include "byte_pattern.h"
#include "scripted_tunnel.h"

namespace culvert {
namespace {

constexpr auto kBlocked = IoStatus::kBlocked;
constexpr auto kOk = IoStatus::kOk;

class TunnelOpening : public testing::Test {
 protected:
  void clientMode() { b_.options.plan = kConnectThenHandshake; }
  /// Opens the tunnel and lets the backend's handshake take one more step.
  void openBlocked() {
    b_.backend.handshakes = {kBlocked};
    b_.open();
    ASSERT_EQ(b_.tunnel->state(), TunnelState::kBackendHandshake);
  }
  void endInOrder() {
    b_.client.inputEnd = b_.backend.inputEnd = IoStatus::kEof;
    ASSERT_TRUE(b_.waitEnd());
    EXPECT_FALSE(b_.client.aborted || b_.backend.aborted);
    EXPECT_EQ(b_.report.inboundLost + b_.report.outboundLost, 0u);
    EXPECT_EQ(b_.pool.leasedBytes(), 0u);
  }

  TunnelBench b_;
};

TEST_F(TunnelOpening, ClientModeConnectsAtOnceAndBytesWaitForTheBackendsHandshake) {
  clientMode();
  b_.client.input = pattern(50'000);
  openBlocked();
  EXPECT_EQ(b_.dialing.dials, 1u);
  EXPECT_TRUE(b_.client.watchedRead && b_.backend.watchedRead);
  b_.client.fireReadable();
  EXPECT_GT(b_.tunnel->inbound().buffered(), 0u);
  EXPECT_EQ(b_.backend.received, "") << "no byte leaves before the handshake is done";
  b_.backend.handshakes = {kOk};
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.tunnel->state(), TunnelState::kRelay);
  EXPECT_EQ(b_.backend.received, pattern(50'000));
  EXPECT_EQ(b_.tunnel->times().handshakeDone, b_.tunnel->times().accepted);
  EXPECT_GE(b_.tunnel->times().opened, b_.tunnel->times().connected);
  endInOrder();
}

TEST_F(TunnelOpening, ABackendThatSpeaksFirstIsHeard) {
  clientMode();
  b_.backend.input = "220 hello";
  b_.open();
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.client.received, "220 hello");
  endInOrder();
}

TEST_F(TunnelOpening, BytesThatCameWithTheHandshakeNeedNoFurtherEvent) {
  clientMode();
  openBlocked();
  b_.backend.input = "greeting";
  b_.backend.handshakes = {kOk};
  ASSERT_TRUE(b_.backend.fireReadable());
  EXPECT_EQ(b_.client.received, "greeting") << "the stream may hold them, so the socket is silent";
  endInOrder();
}

TEST_F(TunnelOpening, BothHandshakesInTheirOrder) {
  b_.options.plan = kBothHandshakes;
  b_.client.handshakes = {kBlocked, kOk};
  b_.backend.handshakes = {kBlocked, kOk};
  b_.open();
  EXPECT_EQ(b_.tunnel->state(), TunnelState::kHandshake);
  EXPECT_EQ(b_.dialing.dials, 0u) << "a client that fails costs the backend nothing";
  ASSERT_TRUE(b_.client.fireReadable());
  EXPECT_EQ(b_.tunnel->state(), TunnelState::kBackendHandshake);
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.tunnel->state(), TunnelState::kRelay);
  endInOrder();
}

TEST_F(TunnelOpening, ARefusedBackendEndsTheClientWithAnAbort) {
  clientMode();
  b_.client.input = "secret";
  openBlocked();
  b_.client.fireReadable();
  b_.client.inputEnd = IoStatus::kEof;
  b_.client.fireReadable();
  b_.backend.failure = CloseReason{CloseCause::kBackendCertificate, "", "wrong name"};
  b_.backend.handshakes = {IoStatus::kFailed};
  b_.backend.fireReadable();
  b_.backend.inputEnd = IoStatus::kEof;
  ASSERT_TRUE(b_.waitEnd());
  EXPECT_EQ(b_.report.cause, "backend-certificate") << "the client's end is not why it failed";
  EXPECT_EQ(b_.report.detail, "wrong name");
  EXPECT_EQ(b_.report.inboundLost, 6u);
  EXPECT_TRUE(b_.client.aborted);
  EXPECT_FALSE(b_.backend.aborted) << "the alert has to arrive";
  EXPECT_EQ(b_.backend.received, "");
}

TEST_F(TunnelOpening, ABackendThatLeavesDuringItsHandshake) {
  for (const IoStatus end : {IoStatus::kEof, IoStatus::kTruncated, IoStatus::kReset}) {
    TunnelBench b;
    b.options.plan = kConnectThenHandshake;
    b.backend.handshakes = {kBlocked, end};
    b.open();
    b.backend.fireReadable();
    ASSERT_TRUE(b.waitEnd());
    EXPECT_EQ(b.report.cause, end == IoStatus::kReset ? "backend-reset" : "backend-truncated");
    EXPECT_EQ(b.report.detail, "the backend left during the handshake");
    EXPECT_TRUE(b.client.aborted);
  }
}

TEST_F(TunnelOpening, ABackendThatDoesNotAnswerIsGivenUp) {
  clientMode();
  b_.options.handshakeTimeout = Millis(30);
  openBlocked();
  ASSERT_TRUE(b_.waitEnd());
  EXPECT_EQ(b_.report.cause, "handshake-timeout");
  EXPECT_EQ(b_.count(Counter::kBackendHandshakesFailed), 1u);
}

TEST_F(TunnelOpening, TheBackendsTimeBeginsWithTheConnect) {
  clientMode();
  b_.options.handshakeTimeout = Millis(60);
  b_.dialing.atOnce = false;
  b_.backend.handshakes = {kBlocked};
  b_.open();
  b_.guard.armBy(b_.loop.now() + Millis(80));
  b_.loop.turn(true);
  ASSERT_EQ(b_.report.ended, 0u);
  b_.answerDial();
  b_.backend.handshakes = {kOk};
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.tunnel->state(), TunnelState::kRelay);
  endInOrder();
}

TEST_F(TunnelOpening, AHalfCloseBeforeTheHandshakeIsPassedOnAfterIt) {
  clientMode();
  b_.client.input = "all";
  b_.client.inputEnd = IoStatus::kEof;
  openBlocked();
  b_.client.fireReadable();
  b_.client.fireReadable();
  b_.backend.handshakes = {kOk};
  b_.backend.input = "answer";
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.backend.received, "all");
  EXPECT_TRUE(b_.backend.finSeen);
  EXPECT_EQ(b_.client.received, "answer");
  endInOrder();
}

TEST_F(TunnelOpening, AClientThatResetsEndsTheHandshakeWithTheBackend) {
  clientMode();
  openBlocked();
  b_.client.reset();
  b_.client.fireReadable();
  ASSERT_TRUE(b_.waitEnd());
  EXPECT_EQ(b_.report.cause, "client-reset");
  EXPECT_TRUE(b_.backend.aborted);
}

TEST_F(TunnelOpening, ATruncatedBackendIsAnAbortUnlessTheOptionSaysOtherwise) {
  for (const bool asFin : {false, true}) {
    TunnelBench b;
    b.options.backendTruncationAsFin = asFin;
    b.open();
    ASSERT_TRUE(b.settle());
    b.backend.input = "last words";
    b.backend.inputEnd = IoStatus::kTruncated;
    ASSERT_TRUE(b.settle());
    b.client.inputEnd = IoStatus::kEof;
    ASSERT_TRUE(b.waitEnd());
    EXPECT_EQ(b.report.cause, "backend-truncated");
    EXPECT_EQ(b.client.received, "last words");
    EXPECT_EQ(b.client.aborted, !asFin);
  }
}

// --- dialogs

class TunnelDialog : public TunnelOpening {
 protected:
  TunnelDialog() {
    b_.options.plan = kConnectOnly;
    b_.client.phase = OpeningPhase::kDialog;
  }
};

TEST_F(TunnelDialog, BytesFlowBeforeTheClientsHandshake) {
  b_.open();
  ASSERT_EQ(b_.tunnel->state(), TunnelState::kDialog);
  EXPECT_EQ(b_.tunnel->times().handshakeDone, TimePoint{});
  b_.backend.input = "220 hello";
  b_.client.input = "EHLO x";
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.client.received, "220 hello");
  EXPECT_EQ(b_.backend.received, "EHLO x");
  EXPECT_EQ(b_.tunnel->state(), TunnelState::kDialog);
  b_.client.phase = OpeningPhase::kHandshake;
  b_.client.handshakes = {kBlocked, kBlocked, kOk};
  b_.client.input = "behind TLS";
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.tunnel->state(), TunnelState::kRelay);
  EXPECT_NE(b_.tunnel->times().handshakeDone, TimePoint{});
  EXPECT_EQ(b_.backend.received, "EHLO xbehind TLS");
  endInOrder();
}

TEST_F(TunnelDialog, TheClientHasUntilHandshakeTimeout) {
  b_.options.handshakeTimeout = Millis(30);
  b_.open();
  ASSERT_TRUE(b_.waitEnd());
  EXPECT_EQ(b_.report.cause, "handshake-timeout");
  EXPECT_TRUE(b_.client.aborted && b_.backend.aborted);
}

TEST_F(TunnelDialog, BehindTlsNoTimeoutButIdleApplies) {
  b_.options.handshakeTimeout = Millis(20);
  b_.options.idleTimeout = Millis(120);
  b_.client.phase = OpeningPhase::kSettling;
  b_.open();
  ASSERT_TRUE(b_.waitEnd());
  EXPECT_EQ(b_.report.cause, "idle");
}

TEST_F(TunnelDialog, AFailedDialogIsTheCause) {
  b_.open();
  b_.client.failure = CloseReason{CloseCause::kStartTls, "early-data", "bytes behind STARTTLS"};
  b_.client.inputEnd = IoStatus::kFailed;
  b_.client.fireReadable();
  b_.client.inputEnd = IoStatus::kEof;
  ASSERT_TRUE(b_.waitEnd());
  EXPECT_EQ(b_.report.cause, "starttls:early-data");
  EXPECT_TRUE(b_.backend.aborted);
}

TEST_F(TunnelDialog, WaitingBytesDoNotSpin) {
  b_.open();
  b_.client.window = 0;
  b_.backend.input = "a greeting that the client's socket does not take";
  ASSERT_TRUE(b_.settle()) << "the loop must come to rest";
  EXPECT_EQ(b_.tunnel->state(), TunnelState::kDialog);
  b_.client.window = ScriptedPeer::kUnlimited;
  b_.client.phase = OpeningPhase::kDone;
  b_.client.input = "x";
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.client.received.size(), 49u);
  endInOrder();
}

}  // namespace
}  // namespace culvert
