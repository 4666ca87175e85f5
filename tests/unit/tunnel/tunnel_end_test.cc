// SPDX-License-Identifier: GPL-3.0-or-later
// The ends that are not in order: resets and truncation are passed on after what was accepted
// before has been delivered, alerts leave, losses are counted, and every way out reports once and
// frees everything.
#include <gtest/gtest.h>

#include <string>

#include "byte_pattern.h"
#include "scripted_tunnel.h"

namespace culvert {
namespace {

class TunnelEnd : public testing::Test {
 protected:
  /// Opens the tunnel and lets it relay what there is.
  void relay() {
    b_.open();
    ASSERT_TRUE(b_.settle());
    ASSERT_NE(b_.tunnel, nullptr);
    ASSERT_EQ(b_.tunnel->state(), TunnelState::kRelay);
  }
  void expectEnded(const std::string& cause) {
    ASSERT_TRUE(b_.waitEnd()) << "state "
                              << (b_.tunnel ? static_cast<int>(b_.tunnel->state()) : -1);
    EXPECT_EQ(b_.report.cause, cause);
    EXPECT_EQ(b_.report.ended, 1u);
    EXPECT_EQ(b_.report.hostsGone, 1u);
    EXPECT_TRUE(b_.clientStoodAtEnd);
    EXPECT_TRUE(b_.client.gone);
    EXPECT_EQ(b_.backend.stream, nullptr);
    EXPECT_TRUE(b_.tunnels.empty());
    EXPECT_EQ(b_.pool.leasedBytes(), 0u);
    EXPECT_EQ(b_.count(Counter::kTunnelsActive), 0u);
    EXPECT_EQ(b_.count(Counter::kTunnelsClosed), 1u);
    EXPECT_EQ(b_.count(Counter::kBytesLostInbound), b_.report.inboundLost);
    EXPECT_EQ(b_.count(Counter::kBytesLostOutbound), b_.report.outboundLost);
  }
  TunnelBench b_;
};

// --- resets and truncation, delivery first

TEST_F(TunnelEnd, AClientsResetReachesTheBackendAfterItsBytes) {
  b_.backend.window = 1000;
  relay();
  b_.client.input = pattern(5000);
  b_.client.reset();
  ASSERT_TRUE(b_.settle());
  ASSERT_NE(b_.tunnel, nullptr);
  EXPECT_EQ(b_.tunnel->state(), TunnelState::kClosing);
  EXPECT_FALSE(b_.backend.aborted || b_.backend.finSeen);
  b_.backend.open(ScriptedPeer::kUnlimited);
  expectEnded("client-reset");
  EXPECT_EQ(difference(b_.backend.received, pattern(5000)), "");
  EXPECT_TRUE(b_.backend.aborted);
  EXPECT_FALSE(b_.backend.finSeen);
  EXPECT_EQ(b_.report.inboundLost, 0u);
  EXPECT_EQ(b_.count(Counter::kAbortsToBackend), 1u);
  EXPECT_EQ(b_.count(Counter::kAbortsToClient), 0u);
}

TEST_F(TunnelEnd, TheAbortWaitsForTheBackendsAcknowledgement) {
  b_.backend.holdAcks = true;
  relay();
  b_.client.input = pattern(5000);
  b_.client.reset();
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.backend.received.size(), 5000u);
  EXPECT_EQ(b_.report.ended, 0u);
  EXPECT_FALSE(b_.backend.aborted);
  b_.backend.acknowledge();
  expectEnded("client-reset");
  EXPECT_TRUE(b_.backend.aborted);
  EXPECT_EQ(b_.report.inboundLost, 0u);
}

TEST_F(TunnelEnd, ATruncatedClientReachesTheBackendAsAnAbort) {
  b_.backend.window = 1000;
  relay();
  b_.client.input = pattern(5000);
  b_.client.inputEnd = IoStatus::kTruncated;
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.report.ended, 0u);
  b_.backend.open(ScriptedPeer::kUnlimited);
  expectEnded("client-truncated");
  EXPECT_EQ(difference(b_.backend.received, pattern(5000)), "");
  EXPECT_TRUE(b_.backend.aborted && b_.client.aborted);
  EXPECT_FALSE(b_.backend.finSeen || b_.client.finSeen);
  EXPECT_EQ(b_.count(Counter::kTruncatedEnds), 1u);
  EXPECT_EQ(b_.count(Counter::kAbortsToBackend), 1u);
}

TEST_F(TunnelEnd, WhatTheBackendStillSaysIsCarriedToATruncatedClient) {
  b_.backend.window = 1000;
  relay();
  b_.client.input = pattern(5000);
  b_.client.inputEnd = IoStatus::kTruncated;
  ASSERT_TRUE(b_.settle());
  b_.backend.input = pattern(3000, 9);
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(difference(b_.client.received, pattern(3000, 9)), "");
  b_.backend.open(ScriptedPeer::kUnlimited);
  expectEnded("client-truncated");
}

TEST_F(TunnelEnd, ABackendThatDoesNotTakeItsAnswersIsNotCarriedOnWithoutBound) {
  b_.backend.window = 1000;
  b_.backend.overhead = 22;
  b_.backend.answersAReadWith = 30'000;
  relay();
  b_.client.input = pattern(5000);
  b_.client.inputEnd = IoStatus::kTruncated;
  ASSERT_TRUE(b_.settle());
  b_.backend.readAtMost = 10;
  b_.backend.input = pattern(3000, 9);
  ASSERT_TRUE(b_.settle());
  EXPECT_LT(b_.backend.stream->backlog(), ByteStream::kMostBacklog + 30'000);
  EXPECT_EQ(b_.backend.taken + b_.backend.discarded, 3000u);
  b_.backend.open(ScriptedPeer::kUnlimited);
  expectEnded("client-truncated");
}

TEST_F(TunnelEnd, ABackendsResetReachesTheClientAfterItsBytes) {
  b_.client.overhead = 22;
  b_.client.window = 1000;
  relay();
  b_.backend.input = pattern(30'000);
  b_.backend.reset();
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.report.ended, 0u);
  EXPECT_TRUE(b_.backend.gone) << "its descriptor need not wait";
  b_.client.open(ScriptedPeer::kUnlimited);
  expectEnded("backend-reset");
  EXPECT_EQ(difference(b_.client.received, pattern(30'000)), "");
  EXPECT_TRUE(b_.client.aborted);
  EXPECT_FALSE(b_.client.finSeen) << "an abort is never a close_notify";
  EXPECT_EQ(b_.count(Counter::kAbortsToClient), 1u);
}

TEST_F(TunnelEnd, ABackendThatResetsAfterItsEnd) {
  b_.backend.input = "bye";
  b_.backend.inputEnd = IoStatus::kEof;
  relay();
  EXPECT_TRUE(b_.client.finSeen);
  b_.backend.reset();
  b_.client.input = "too late";
  expectEnded("backend-fin");
  EXPECT_EQ(b_.client.received, "bye");
  EXPECT_TRUE(b_.client.aborted);
  EXPECT_EQ(b_.report.inboundLost, 8u);
}

TEST_F(TunnelEnd, ABackendThatResetsAfterItsEndIsNoticedInSilence) {
  b_.backend.input = "bye";
  b_.backend.inputEnd = IoStatus::kEof;
  relay();
  EXPECT_FALSE(b_.backend.watchedRead || b_.backend.watchedWrite);
  b_.backend.reset();
  expectEnded("backend-fin");
  EXPECT_EQ(b_.client.received, "bye");
}

TEST_F(TunnelEnd, AShortageOfMemoryEndsThisTunnelOnly) {
  relay();
  b_.client.shortage = true;
  b_.client.input = "x";
  expectEnded("internal");
  EXPECT_TRUE(b_.client.aborted && b_.backend.aborted);
}

TEST_F(TunnelEnd, AClientThatResetsAfterItsEnd) {
  b_.client.input = "bye";
  b_.client.inputEnd = IoStatus::kEof;
  relay();
  EXPECT_TRUE(b_.backend.finSeen);
  b_.client.reset();
  b_.backend.input = pattern(4000);
  expectEnded("client-fin");
  EXPECT_EQ(b_.report.outboundLost, 4000u);
  EXPECT_TRUE(b_.backend.aborted);
}

TEST_F(TunnelEnd, AClientThatResetsWhileTheBackendIsSlowIsStillDelivered) {
  b_.backend.window = 0;
  b_.client.input = pattern(100'000);
  relay();
  ASSERT_FALSE(b_.client.watchedRead);
  b_.client.reset();
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.report.ended, 0u) << "nobody reads the client now";
  b_.backend.open(ScriptedPeer::kUnlimited);
  expectEnded("client-reset");
  EXPECT_EQ(difference(b_.backend.received, pattern(100'000)), "");
  EXPECT_TRUE(b_.backend.aborted);
}

TEST_F(TunnelEnd, ABackendThatResetsWhileTheClientIsSlowIsStillDelivered) {
  b_.client.overhead = 22;
  b_.client.window = 0;
  b_.backend.input = pattern(100'000);
  relay();
  ASSERT_FALSE(b_.backend.watchedRead);
  b_.backend.reset();
  b_.client.input = "into the void";
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.report.ended, 0u);
  b_.client.open(ScriptedPeer::kUnlimited);
  expectEnded("backend-reset");
  EXPECT_EQ(difference(b_.client.received, pattern(100'000)), "");
  EXPECT_EQ(b_.report.inboundLost, 13u);
}

/// Each is written to before it is read: nobody is left who could tell, and the tunnel ends all the
/// same.
TEST_F(TunnelEnd, BothSidesThatBreakWithinOneTurn) {
  b_.client.window = b_.backend.window = 1;
  b_.client.input = b_.backend.input = "ab";
  relay();
  ASSERT_TRUE(b_.client.watchedWrite && b_.backend.watchedWrite);
  b_.client.reset();
  b_.backend.reset();
  ASSERT_TRUE(b_.client.fireWritable());
  b_.backend.fireWritable();
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.report.ended, 1u);
  ASSERT_TRUE(b_.waitEnd());
  EXPECT_TRUE(b_.report.cause == "client-reset" || b_.report.cause == "backend-reset")
      << b_.report.cause;
  EXPECT_EQ(b_.report.inboundLost + b_.report.outboundLost, 2u);
}

TEST_F(TunnelEnd, DeliveryIsBoundedAndWhatIsLeftIsCounted) {
  b_.options.halfCloseTimeout = Millis(30);
  b_.backend.window = 1000;
  relay();
  b_.client.input = pattern(5000);
  b_.client.reset();
  expectEnded("client-reset");
  EXPECT_EQ(b_.backend.received.size(), 1000u);
  EXPECT_TRUE(b_.backend.aborted);
  EXPECT_EQ(b_.report.inboundLost, 4000u);
}

TEST_F(TunnelEnd, WhatTheKernelStillHeldIsCountedAsLost) {
  b_.options.halfCloseTimeout = Millis(30);
  b_.backend.holdAcks = true;
  relay();
  b_.client.input = pattern(5000);
  b_.client.inputEnd = IoStatus::kTruncated;
  expectEnded("client-truncated");
  EXPECT_EQ(b_.report.inboundLost, 5000u);
}

/// The backend goes while the client's last bytes are being delivered to it: nothing is left to
/// wait for.
TEST_F(TunnelEnd, AReceiverThatResetsEndsTheDelivery) {
  b_.backend.holdAcks = true;
  relay();
  b_.client.input = pattern(5000);
  b_.client.inputEnd = IoStatus::kTruncated;
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.report.ended, 0u);
  b_.backend.reset();
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.report.ended, 1u) << "waits for the acknowledgement of a dead peer";
  expectEnded("client-truncated");
}

/// A slow client whose TCP ended without close_notify still reads. It may get less than the backend
/// said, but never bytes from behind a gap.
TEST_F(TunnelEnd, NothingIsCarriedFromBehindAGap) {
  b_.backend.holdAcks = true;
  b_.client.window = 0;
  relay();
  b_.client.input = "last words";
  b_.client.inputEnd = IoStatus::kTruncated;
  ASSERT_TRUE(b_.settle());
  b_.backend.input = pattern(800'000);
  ASSERT_TRUE(b_.settle());
  b_.client.open(ScriptedPeer::kUnlimited);
  ASSERT_TRUE(b_.settle());
  b_.backend.input += pattern(100'000, 0, 800'000);
  ASSERT_TRUE(b_.settle());
  b_.backend.acknowledge();
  expectEnded("client-truncated");
  EXPECT_EQ(difference(b_.client.received, pattern(b_.client.received.size())), "");
}

// --- the handshake and the connect phase

TEST_F(TunnelEnd, AProbeLeavesNoTrace) {
  b_.client.handshakes = {IoStatus::kBlocked, IoStatus::kEof};
  b_.open();
  expectEnded("probe");
  EXPECT_FALSE(b_.client.aborted);
  EXPECT_EQ(b_.dialing.dials, 0u);
}

TEST_F(TunnelEnd, AClientThatLeavesWithinTheHandshake) {
  const std::pair<IoStatus, const char*> ends[] = {{IoStatus::kTruncated, "client-truncated"},
                                                   {IoStatus::kReset, "client-reset"}};
  for (const auto& [status, cause] : ends) {
    TunnelBench bench;
    bench.client.handshakes = {IoStatus::kBlocked, status};
    bench.open();
    ASSERT_TRUE(bench.waitEnd());
    EXPECT_EQ(bench.report.cause, cause);
    EXPECT_EQ(bench.report.ended, 1u);
    EXPECT_EQ(bench.dialing.dials, 0u);
  }
}

TEST_F(TunnelEnd, AFailedHandshakeLingersUntilTheClientEnds) {
  b_.client.handshakes = {IoStatus::kBlocked, IoStatus::kFailed};
  b_.client.failure = {CloseCause::kTlsSent, "handshake_failure", "no suite in common"};
  b_.client.input = "the rest of a flight";
  b_.open();
  ASSERT_TRUE(b_.settle());
  EXPECT_TRUE(b_.client.finSeen) << "the alert is followed by a FIN";
  EXPECT_EQ(b_.report.ended, 0u);
  b_.client.inputEnd = IoStatus::kEof;
  expectEnded("tls-sent:handshake_failure");
  EXPECT_EQ(b_.report.detail, "no suite in common");
  EXPECT_FALSE(b_.client.aborted) << "an RST would eat the alert";
  EXPECT_EQ(b_.report.discarded, 20u);
  EXPECT_EQ(b_.count(Counter::kLingeringCloses), 1u);
  EXPECT_EQ(b_.report.inboundLost, 0u);
}

TEST_F(TunnelEnd, ALingeringCloseDoesNotWaitForEver) {
  b_.client.handshakes = {IoStatus::kFailed};
  b_.client.failure = {CloseCause::kTlsSent, "decode_error", ""};
  b_.open();
  const TimePoint start = Clock::now();
  expectEnded("tls-sent:decode_error");
  EXPECT_GE(Clock::now() - start, Millis(1500));
  EXPECT_FALSE(b_.client.aborted);
}

TEST_F(TunnelEnd, ABackendThatCannotBeReached) {
  b_.dialing.failure =
      CloseReason{CloseCause::kBackendRefused, "", "127.0.0.1:7: Connection refused"};
  b_.client.input = "hello";
  b_.open();
  expectEnded("backend-refused");
  EXPECT_EQ(b_.report.detail, "127.0.0.1:7: Connection refused");
  EXPECT_TRUE(b_.client.aborted);
  EXPECT_FALSE(b_.client.finSeen);
  EXPECT_EQ(b_.report.inboundLost, 5u);
  EXPECT_EQ(b_.count(Counter::kAbortsToClient), 1u);
  EXPECT_EQ(b_.count(Counter::kBackendConnectsOk), 0u);
}

TEST_F(TunnelEnd, ABackendThatDoesNotAnswer) {
  b_.dialing.atOnce = false;
  b_.dialing.failure = CloseReason{CloseCause::kBackendTimeout, "", ""};
  b_.open();
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.tunnel->state(), TunnelState::kConnect);
  b_.answerDial();
  expectEnded("backend-timeout");
  EXPECT_EQ(b_.count(Counter::kBackendConnectsTimedOut), 1u);
  EXPECT_FALSE(b_.dialing.cancelled);
}

/// A client that has said all it has to say is not why a backend was not reached.
TEST_F(TunnelEnd, ARefusedBackendIsTheCauseAlsoAfterTheClientsEnd) {
  b_.dialing.atOnce = false;
  b_.dialing.failure = CloseReason{CloseCause::kBackendRefused, "", ""};
  b_.client.input = "question";
  b_.client.inputEnd = IoStatus::kEof;
  b_.open();
  ASSERT_TRUE(b_.settle());
  b_.answerDial();
  expectEnded("backend-refused");
}

TEST_F(TunnelEnd, AClientThatResetsWhileTheBackendIsReachedAndSaidNothing) {
  b_.dialing.atOnce = false;
  b_.open();
  ASSERT_TRUE(b_.settle());
  b_.client.reset();
  expectEnded("client-reset");
  EXPECT_TRUE(b_.dialing.cancelled);
  EXPECT_EQ(b_.count(Counter::kAbortsToBackend), 0u) << "no backend was there to see it";
}

TEST_F(TunnelEnd, AClientThatResetsWhileTheBackendIsReachedIsDelivered) {
  b_.dialing.atOnce = false;
  b_.client.input = "important";
  b_.client.reset();
  b_.open();
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.report.ended, 0u);
  b_.answerDial();
  expectEnded("client-reset");
  EXPECT_EQ(b_.backend.received, "important");
  EXPECT_TRUE(b_.backend.aborted);
}

TEST_F(TunnelEnd, ABackendThatIsGoneBeforeThePrefaceLeft) {
  b_.dialing.preface = 100;
  b_.backend.reset();
  b_.open();
  expectEnded("backend-reset");
  EXPECT_TRUE(b_.client.aborted);
}

// --- TLS failures within the relay

TEST_F(TunnelEnd, ATlsFailureLingersAndDeliversWhatCameBefore) {
  b_.backend.window = 3;
  relay();
  b_.client.input = "sound";
  b_.client.inputEnd = IoStatus::kFailed;
  b_.client.failure = {CloseCause::kTlsSent, "bad_record_mac", "a record was damaged"};
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.report.ended, 0u);
  EXPECT_TRUE(b_.client.finSeen);
  b_.backend.open(100);
  b_.client.inputEnd = IoStatus::kEof;
  expectEnded("tls-sent:bad_record_mac");
  EXPECT_EQ(b_.backend.received, "sound");
  EXPECT_TRUE(b_.backend.aborted) << "a broken stream is no clean end";
  EXPECT_FALSE(b_.client.aborted);
  EXPECT_EQ(b_.count(Counter::kAbortsToBackend), 1u);
  EXPECT_EQ(b_.count(Counter::kAbortsToClient), 0u);
}

TEST_F(TunnelEnd, AnAlertThatWaitsBehindABlockedSocketLeaves) {
  b_.client.overhead = 22;
  b_.client.window = 0;
  relay();
  b_.backend.input = "sealed before";
  ASSERT_TRUE(b_.settle());
  b_.client.inputEnd = IoStatus::kFailed;
  b_.client.failure = {CloseCause::kTlsSent, "decode_error", ""};
  ASSERT_TRUE(b_.settle());
  EXPECT_FALSE(b_.client.finSeen);
  EXPECT_TRUE(b_.client.watchedWrite);
  b_.client.inputEnd = IoStatus::kOk;
  b_.client.open(ScriptedPeer::kUnlimited);
  ASSERT_TRUE(b_.settle());
  EXPECT_TRUE(b_.client.finSeen);
  b_.client.inputEnd = IoStatus::kEof;
  expectEnded("tls-sent:decode_error");
  EXPECT_EQ(b_.client.received, "sealed before");
}

TEST_F(TunnelEnd, AWriteThatFailsEndsTheTunnelThoughTheClientIsSilent) {
  relay();
  b_.client.writeEnd = IoStatus::kFailed;
  b_.client.failure = {CloseCause::kInternal, "", "no room for sealed records"};
  b_.backend.input = "hello";
  ASSERT_TRUE(b_.settle());
  EXPECT_NE(b_.tunnel == nullptr ? TunnelState::kClosed : b_.tunnel->state(), TunnelState::kRelay);
  b_.client.inputEnd = IoStatus::kEof;
  expectEnded("internal");
}

// --- close()

TEST_F(TunnelEnd, TheFirstReasonWins) {
  relay();
  Tunnel& tunnel = *b_.tunnel;
  tunnel.close({CloseCause::kDrain, "", "first"});
  EXPECT_EQ(tunnel.state(), TunnelState::kClosed);
  tunnel.close({CloseCause::kAdminClosed, "", "second"});
  expectEnded("drain");
  EXPECT_EQ(b_.report.detail, "first");
  EXPECT_TRUE(b_.client.aborted && b_.backend.aborted);
  EXPECT_EQ(b_.counters.cause(static_cast<size_t>(CloseCause::kDrain)), 1u);
  EXPECT_EQ(b_.counters.cause(static_cast<size_t>(CloseCause::kAdminClosed)), 0u);
}

TEST_F(TunnelEnd, CloseNamesThePlaceItWasCalledFrom) {
  relay();
  Tunnel& tunnel = *b_.tunnel;
  tunnel.close({CloseCause::kInternal});
  EXPECT_NE(std::string(tunnel.closedAt().file).find("tunnel_end_test"), std::string::npos);
  expectEnded("internal");
}

TEST_F(TunnelEnd, CloseInEveryState) {
  using S = TunnelState;
  for (const S state :
       {S::kHandshake, S::kConnect, S::kBackendHandshake, S::kDialog, S::kRelay, S::kClosing}) {
    TunnelBench bench;
    if (state == S::kHandshake) bench.client.handshakes = {IoStatus::kBlocked};
    bench.dialing.atOnce = state != S::kConnect;
    if (state == S::kBackendHandshake) bench.options.plan = kConnectThenHandshake;
    if (state == S::kDialog) {
      bench.options.plan = kConnectOnly;
      bench.client.phase = OpeningPhase::kDialog;
    }
    if (state == S::kBackendHandshake) bench.backend.handshakes = {IoStatus::kBlocked};
    bench.open();
    if (state == S::kClosing) {
      bench.backend.window = 0;
      bench.client.input = "undelivered";
      bench.client.reset();
    }
    if (state != S::kBackendHandshake) {
      ASSERT_TRUE(bench.settle());
    }
    ASSERT_EQ(bench.tunnel->state(), state);
    bench.tunnel->close({CloseCause::kDrain});
    ASSERT_TRUE(bench.waitEnd());
    EXPECT_EQ(bench.report.ended, 1u);
    EXPECT_EQ(bench.report.cause, state == S::kClosing ? "client-reset" : "drain");
    EXPECT_EQ(bench.dialing.cancelled, state == S::kConnect);
    EXPECT_EQ(bench.report.inboundLost, state == S::kClosing ? 11u : 0u);
    EXPECT_EQ(bench.pool.leasedBytes(), 0u);
  }
}

TEST_F(TunnelEnd, CloseCountsWhatIsLostOnEitherSide) {
  b_.client.window = 0;
  b_.backend.window = 3;
  b_.client.input = pattern(100);
  b_.backend.input = pattern(200);
  relay();
  b_.tunnel->close({CloseCause::kDrain});
  expectEnded("drain");
  EXPECT_EQ(b_.report.inboundLost, 97u);
  EXPECT_EQ(b_.report.outboundLost, 200u);
}

/// Whoever is done already is not cut once more, and nothing is lost twice.
TEST_F(TunnelEnd, CloseLeavesAFinishedEndAlone) {
  b_.client.holdAcks = true;
  b_.backend.window = 0;
  b_.backend.input = "an answer on its way";
  relay();
  b_.client.input = "undelivered";
  b_.client.inputEnd = IoStatus::kFailed;
  b_.client.failure = {CloseCause::kTlsSent, "bad_record_mac", ""};
  ASSERT_TRUE(b_.settle());
  b_.client.inputEnd = IoStatus::kEof;
  ASSERT_TRUE(b_.settle());
  ASSERT_EQ(b_.report.ended, 0u);
  ASSERT_TRUE(b_.client.finSeen);
  b_.tunnel->close({CloseCause::kDrain});
  expectEnded("tls-sent:bad_record_mac");
  EXPECT_FALSE(b_.client.aborted) << "the alert may not be reset away";
  EXPECT_EQ(b_.report.inboundLost, 11u);
  EXPECT_EQ(b_.report.outboundLost, 0u);
}

}  // namespace
}  // namespace culvert
