// SPDX-License-Identifier: GPL-3.0-or-later
// A tunnel's way from the handshake to an end in order: connecting, relaying, back-pressure,
// half-close both ways.
#include <gtest/gtest.h>

#include <string>

#include "byte_pattern.h"
#include "scripted_tunnel.h"

namespace culvert {
namespace {

class TunnelRelay : public testing::Test {
 protected:
  /// Both sides end in order; the tunnel must follow.
  void endBoth() {
    b_.client.inputEnd = b_.backend.inputEnd = IoStatus::kEof;
    ASSERT_TRUE(b_.waitEnd());
    EXPECT_EQ(b_.report.ended, 1u);
    EXPECT_TRUE(b_.client.gone);
    EXPECT_TRUE(b_.backend.gone);
    EXPECT_FALSE(b_.client.aborted);
    EXPECT_FALSE(b_.backend.aborted);
    EXPECT_TRUE(b_.client.finSeen);
    EXPECT_TRUE(b_.backend.finSeen);
    EXPECT_EQ(b_.pool.leasedBytes(), 0u);
    EXPECT_TRUE(b_.tunnels.empty());
    EXPECT_EQ(b_.count(Counter::kTunnelsActive), 0u);
  }

  TunnelBench b_;
};

TEST_F(TunnelRelay, CarriesBothWaysAndEndsInOrder) {
  b_.client.input = "request";
  b_.backend.input = "answer";
  b_.open();
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.tunnel->state(), TunnelState::kRelay);
  EXPECT_EQ(b_.backend.received, "request");
  EXPECT_EQ(b_.client.received, "answer");
  EXPECT_EQ(b_.count(Counter::kTunnelsActive), 1u);
  EXPECT_EQ(b_.pool.leasedBytes(), 0u) << "an idle tunnel holds no buffers";
  EXPECT_TRUE(b_.client.watchedRead && b_.backend.watchedRead);
  EXPECT_FALSE(b_.client.watchedWrite || b_.backend.watchedWrite);
  EXPECT_EQ(b_.tunnel->backendAddress().text(), "127.0.0.1:7");
  EXPECT_NE(b_.tunnel->times().firstBackendByte, TimePoint{});
  endBoth();
  EXPECT_EQ(b_.report.cause, "client-fin");
  EXPECT_TRUE(b_.clientStoodAtEnd);
  EXPECT_EQ(b_.count(Counter::kTunnelsOpened), 1u);
  EXPECT_EQ(b_.count(Counter::kTunnelsClosed), 1u);
  EXPECT_EQ(b_.counters.cause(static_cast<size_t>(CloseCause::kClientFin)), 1u);
  EXPECT_EQ(b_.count(Counter::kBackendConnectsOk), 1u);
  EXPECT_EQ(b_.count(Counter::kBytesInbound), 7u);
  EXPECT_EQ(b_.count(Counter::kBytesOutbound), 6u);
  EXPECT_EQ(b_.report.inboundLost + b_.report.outboundLost, 0u);
}

TEST_F(TunnelRelay, WaitsForTheHandshake) {
  b_.client.handshakes = {IoStatus::kBlocked, IoStatus::kBlocked, IoStatus::kOk};
  b_.open();
  EXPECT_EQ(b_.tunnel->state(), TunnelState::kHandshake);
  EXPECT_EQ(b_.dialing.dials, 0u);
  EXPECT_TRUE(b_.client.watchedRead);
  EXPECT_FALSE(b_.client.watchedWrite);
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.tunnel->state(), TunnelState::kRelay);
  EXPECT_EQ(b_.dialing.dials, 1u);
  EXPECT_NE(b_.tunnel->times().handshakeDone, TimePoint{});
  endBoth();
}

TEST_F(TunnelRelay, TheFirstBytesGatherWhileTheBackendIsReached) {
  b_.dialing.atOnce = false;
  b_.client.input = pattern(200'000);
  b_.open();
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.tunnel->state(), TunnelState::kConnect);
  EXPECT_GE(b_.client.taken, 48u * 1024);
  EXPECT_LE(b_.client.taken, b_.options.fifoSize);
  EXPECT_FALSE(b_.client.watchedRead) << "the FIFO is full";
  EXPECT_EQ(b_.count(Counter::kReadsPausedInbound), 1u);
  b_.answerDial();
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(difference(b_.backend.received, pattern(200'000)), "");
  endBoth();
}

TEST_F(TunnelRelay, AClientThatEndsWhileTheBackendIsReachedIsHeard) {
  b_.dialing.atOnce = false;
  b_.client.input = "one line";
  b_.client.inputEnd = IoStatus::kEof;
  b_.open();
  ASSERT_TRUE(b_.settle());
  EXPECT_FALSE(b_.client.watchedRead);
  b_.answerDial();
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.backend.received, "one line");
  EXPECT_TRUE(b_.backend.finSeen);
  b_.backend.input = "the answer";
  endBoth();
  EXPECT_EQ(b_.client.received, "the answer");
  EXPECT_EQ(b_.report.cause, "client-fin");
}

TEST_F(TunnelRelay, APrefaceLeavesBeforeAnythingIsSaid) {
  b_.dialing.preface = 100;
  b_.backend.window = 40;
  b_.open();
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.backend.window, 0u);
  EXPECT_TRUE(b_.backend.watchedWrite);
  b_.client.input = "hello";
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.backend.received, "");
  b_.backend.open(ScriptedPeer::kUnlimited);
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.backend.received, "hello");
  EXPECT_FALSE(b_.backend.watchedWrite);
  EXPECT_EQ(b_.count(Counter::kBytesInbound), 5u) << "a preface is no payload";
  endBoth();
}

TEST_F(TunnelRelay, ASlowBackendPausesTheClientOnly) {
  b_.backend.window = 0;
  b_.client.input = pattern(300'000);
  b_.backend.input = pattern(300'000, 7);
  b_.open();
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(difference(b_.client.received, pattern(300'000, 7)), "");
  EXPECT_FALSE(b_.client.watchedRead);
  EXPECT_TRUE(b_.backend.watchedRead && b_.backend.watchedWrite);
  EXPECT_LE(b_.pool.leasedBytes(), b_.options.fifoSize + RingBuffer::kSpare);
  b_.backend.window = ScriptedPeer::kUnlimited;
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(difference(b_.backend.received, pattern(300'000)), "");
  EXPECT_EQ(b_.count(Counter::kReadsPausedInbound), b_.count(Counter::kReadsResumedInbound));
  EXPECT_EQ(b_.count(Counter::kReadsPausedOutbound), 0u);
  endBoth();
}

TEST_F(TunnelRelay, ASlowClientPausesTheBackendOnly) {
  b_.client.overhead = 22;
  b_.client.window = 0;
  b_.client.input = pattern(300'000);
  b_.backend.input = pattern(300'000, 7);
  b_.open();
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(difference(b_.backend.received, pattern(300'000)), "");
  EXPECT_FALSE(b_.backend.watchedRead);
  EXPECT_LE(b_.backend.taken, b_.options.fifoSize);
  b_.client.window = ScriptedPeer::kUnlimited;
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(difference(b_.client.received, pattern(300'000, 7)), "");
  EXPECT_EQ(b_.count(Counter::kReadsPausedOutbound), b_.count(Counter::kReadsResumedOutbound));
  EXPECT_EQ(b_.count(Counter::kReadsPausedInbound), 0u);
  endBoth();
}

/// Reading a TLS stream pushes its backlog out as well (answers leave from inside the read): the
/// paused direction must notice, though nobody told it that its sink is writable.
TEST_F(TunnelRelay, ABacklogThatLeftWhileReadingResumesTheOtherDirection) {
  b_.client.overhead = 22;
  b_.client.window = 10'000;
  b_.backend.input = pattern(300'000, 7);
  b_.open();
  ASSERT_TRUE(b_.settle());
  ASSERT_FALSE(b_.backend.watchedRead);
  ASSERT_EQ(b_.tunnel->outbound().buffered(), 0u) << "all of it is sealed";
  b_.client.window = ScriptedPeer::kUnlimited;
  b_.client.input = "a word from the client at the same moment";
  ASSERT_TRUE(b_.client.fireReadable());
  EXPECT_EQ(b_.client.stream->backlog(), 0u);
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(difference(b_.client.received, pattern(300'000, 7)), "");
  endBoth();
}

TEST_F(TunnelRelay, BlockedSidesAreLeftAlone) {
  b_.client.window = b_.backend.window = 0;
  b_.client.input = b_.backend.input = pattern(300'000);
  b_.open();
  ASSERT_TRUE(b_.settle());
  // Nothing is watched that could be ready: a loop would sleep.
  EXPECT_FALSE(b_.client.fireReadable() || b_.client.fireWritable());
  EXPECT_FALSE(b_.backend.fireReadable() || b_.backend.fireWritable());
  EXPECT_TRUE(b_.client.watchedWrite && b_.backend.watchedWrite);
  b_.client.window = b_.backend.window = ScriptedPeer::kUnlimited;
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(difference(b_.client.received, pattern(300'000)), "");
  EXPECT_EQ(difference(b_.backend.received, pattern(300'000)), "");
  endBoth();
}

TEST_F(TunnelRelay, HalfCloseByTheClient) {
  b_.client.input = "question";
  b_.client.inputEnd = IoStatus::kEof;
  b_.open();
  ASSERT_TRUE(b_.settle());
  EXPECT_TRUE(b_.backend.finSeen);
  EXPECT_FALSE(b_.client.finSeen);
  EXPECT_FALSE(b_.client.watchedRead);
  EXPECT_EQ(b_.tunnel->state(), TunnelState::kRelay);
  b_.backend.input = pattern(500'000);
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(difference(b_.client.received, pattern(500'000)), "");
  endBoth();
  EXPECT_EQ(b_.report.cause, "client-fin");
}

TEST_F(TunnelRelay, HalfCloseByTheBackend) {
  b_.backend.input = "greeting";
  b_.backend.inputEnd = IoStatus::kEof;
  b_.open();
  ASSERT_TRUE(b_.settle());
  EXPECT_TRUE(b_.client.finSeen);
  EXPECT_FALSE(b_.backend.finSeen);
  EXPECT_FALSE(b_.backend.watchedRead);
  b_.client.input = pattern(500'000);
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(difference(b_.backend.received, pattern(500'000)), "");
  endBoth();
  EXPECT_EQ(b_.report.cause, "backend-fin");
}

TEST_F(TunnelRelay, AnEndWaitsForTheBytesBeforeIt) {
  b_.backend.window = 1000;
  b_.client.input = pattern(10'000);
  b_.client.inputEnd = IoStatus::kEof;
  b_.backend.inputEnd = IoStatus::kEof;
  b_.open();
  ASSERT_TRUE(b_.settle());
  EXPECT_TRUE(b_.client.finSeen);
  EXPECT_FALSE(b_.backend.finSeen);
  EXPECT_EQ(b_.report.ended, 0u);
  b_.backend.open(9000);
  ASSERT_TRUE(b_.waitEnd());
  EXPECT_TRUE(b_.backend.finSeen);
  EXPECT_EQ(difference(b_.backend.received, pattern(10'000)), "");
}

TEST_F(TunnelRelay, CloseNotifyThatWaitsBehindSealedBytesLeavesBeforeTheEnd) {
  b_.client.overhead = 22;
  b_.client.window = 100;
  b_.backend.input = pattern(1000);
  b_.client.inputEnd = b_.backend.inputEnd = IoStatus::kEof;
  b_.open();
  ASSERT_TRUE(b_.settle());
  EXPECT_FALSE(b_.client.finSeen);
  EXPECT_EQ(b_.report.ended, 0u);
  b_.client.open(10'000);
  ASSERT_TRUE(b_.waitEnd());
  EXPECT_TRUE(b_.client.finSeen);
  EXPECT_EQ(difference(b_.client.received, pattern(1000)), "");
  EXPECT_FALSE(b_.client.aborted);
}

TEST_F(TunnelRelay, AnEmptyConnectionEndsInOrder) {
  b_.open();
  endBoth();
  EXPECT_EQ(b_.count(Counter::kBytesInbound) + b_.count(Counter::kBytesOutbound), 0u);
}

TEST_F(TunnelRelay, EverythingInTheFirstTurn) {
  b_.client.input = "question";
  b_.backend.input = "answer";
  b_.client.inputEnd = b_.backend.inputEnd = IoStatus::kEof;
  b_.open();
  ASSERT_TRUE(b_.waitEnd());
  EXPECT_EQ(b_.client.received, "answer");
  EXPECT_EQ(b_.backend.received, "question");
  EXPECT_FALSE(b_.client.aborted || b_.backend.aborted);
}

TEST_F(TunnelRelay, ATruncatedEndAsFinTravelsAsAHalfClose) {
  b_.options.truncationAsFin = true;
  b_.client.input = "question";
  b_.client.inputEnd = IoStatus::kTruncated;
  b_.open();
  ASSERT_TRUE(b_.settle());
  EXPECT_TRUE(b_.backend.finSeen);
  EXPECT_EQ(b_.count(Counter::kTruncatedEnds), 1u);
  b_.backend.input = "answer";
  endBoth();
  EXPECT_EQ(b_.client.received, "answer");
  EXPECT_EQ(b_.report.cause, "client-truncated");
  EXPECT_EQ(b_.count(Counter::kTruncatedEnds), 1u);
  EXPECT_EQ(b_.count(Counter::kAbortsToBackend), 0u);
}

TEST_F(TunnelRelay, ATruncatedEndAsFinWhileTheBackendIsReached) {
  b_.options.truncationAsFin = true;
  b_.dialing.atOnce = false;
  b_.client.input = "question";
  b_.client.inputEnd = IoStatus::kTruncated;
  b_.open();
  ASSERT_TRUE(b_.settle());
  b_.answerDial();
  ASSERT_TRUE(b_.settle());
  EXPECT_EQ(b_.backend.received, "question");
  EXPECT_TRUE(b_.backend.finSeen);
  EXPECT_EQ(b_.count(Counter::kTruncatedEnds), 1u);
  endBoth();
}

TEST(TunnelSet, OwnsClosesAndForgets) {
  TunnelBench a;
  a.open();
  ASSERT_TRUE(a.settle());
  EXPECT_EQ(a.tunnels.size(), 1u);
  size_t seen = 0;
  a.tunnels.forEach([&](Tunnel& tunnel) { seen += tunnel.id(); });
  EXPECT_EQ(seen, 1u);
  a.tunnels.closeAll({CloseCause::kDrain});
  EXPECT_TRUE(a.tunnels.empty());
  EXPECT_EQ(a.report.ended, 1u);
  EXPECT_EQ(a.report.hostsGone, 0u) << "deletion happens between the turns";
  a.loop.turn(false);
  EXPECT_EQ(a.report.hostsGone, 1u);
  EXPECT_EQ(a.report.cause, "drain");
}

TEST(TunnelSet, TakesItsTunnelsAlongWithoutAReport) {
  TunnelBench::Report report;
  {
    TunnelBench bench;
    bench.dialing.atOnce = false;
    bench.client.input = "abc";
    bench.open();
    ASSERT_TRUE(bench.settle());
    EXPECT_GT(bench.pool.leasedBytes(), 0u);
  }
}

}  // namespace
}  // namespace culvert
