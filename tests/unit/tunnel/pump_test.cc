// SPDX-License-Identifier: GPL-3.0-or-later
// One direction by itself: marks, ends, losses and times, with scripted streams and a clock in the
// test's hand.
#include "tunnel/pump.h"

#include <gtest/gtest.h>

#include <string>

#include "byte_pattern.h"
#include "scripted_stream.h"

#ifdef __SANITIZE_ADDRESS__
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
#endif

namespace culvert {
namespace {

constexpr size_t kFifo = 64 * 1024;

class PumpTest : public testing::TestWithParam<Direction> {
 protected:
  void connect() {
    pump_.setSource(&source_);
    pump_.setSink(&sink_);
  }
  /// As a loop that calls again while there is something to do.
  void runAll() {
    for (int i = 0; i < 1000; ++i) pump_.run(now_);
  }
  /// From now on the share of memory-limit is used up.
  void shortenMemory() {
    if (pool_.memory().used(MemoryUse::kTunnels) == 0)
      pool_.memory().add(MemoryUse::kTunnels, 1'000'000);
    pool_.setMemoryLimit(1'000'000);
    ASSERT_TRUE(pool_.tight());
  }
  void pass(Millis time) { now_ += time; }
  uint64_t count(Counter inbound, Counter outbound) const {
    return counters_.get(pump_.direction() == Direction::kInbound ? inbound : outbound);
  }

  BufferPool pool_;
  CounterBlock counters_;
  ScriptedPeer from_;
  ScriptedPeer to_;
  ScriptedStream source_{from_};
  ScriptedStream sink_{to_};
  TimePoint now_ = TimePoint{} + std::chrono::hours(1);
  struct TestPump : Pump {
    TestPump(Direction d, BufferPool& pool, size_t fifo, CounterBlock& counters)
        : Pump(d, pool, fifo, counters), direction_(d) {}
    Direction direction() const { return direction_; }
    Direction direction_;
  };
  TestPump pump_{GetParam(), pool_, kFifo, counters_};
};

TEST_P(PumpTest, CountsBytesInTheServiceWhileTheyFlow) {
  connect();
  from_.input = "before";
  runAll();
  Tally service;
  pump_.alsoCountIn(&service);
  from_.input = "12345";
  runAll();
  EXPECT_EQ(service.get(), 5u);
  EXPECT_EQ(count(Counter::kBytesInbound, Counter::kBytesOutbound), 11u);
  EXPECT_EQ(count(Counter::kBytesOutbound, Counter::kBytesInbound), 0u);
}

TEST_P(PumpTest, CarriesEveryByteInOrder) {
  connect();
  from_.input = pattern(300'000);
  from_.readAtMost = 10'007;
  runAll();
  EXPECT_EQ(difference(to_.received, pattern(300'000)), "");
  EXPECT_EQ(pump_.delivered(), 300'000u);
  EXPECT_EQ(count(Counter::kBytesInbound, Counter::kBytesOutbound), 300'000u);
  EXPECT_EQ(pump_.lost(), 0u);
  EXPECT_EQ(pool_.leasedBytes(), 0u) << "an idle pump holds no buffer";
}

TEST_P(PumpTest, WithoutASinkItGathersAndPauses) {
  pump_.setSource(&source_);
  from_.input = pattern(200'000);
  runAll();
  EXPECT_GT(pump_.buffered(), kFifo - ByteStream::kReadUnit);
  EXPECT_LE(pump_.buffered(), kFifo);
  EXPECT_TRUE(pump_.paused());
  EXPECT_FALSE(pump_.wantsRead());
  EXPECT_FALSE(pump_.wantsWrite());
  pump_.setSink(&sink_);
  EXPECT_TRUE(pump_.wantsWrite());
  pump_.push(now_);
  EXPECT_FALSE(pump_.paused());
  runAll();
  EXPECT_EQ(difference(to_.received, pattern(200'000)), "");
}

TEST_P(PumpTest, WithoutASourceItOnlyPushes) {
  pump_.setSink(&sink_);
  EXPECT_FALSE(pump_.wantsRead());
  runAll();
  EXPECT_EQ(pump_.delivered(), 0u);
  EXPECT_EQ(pump_.sourceEnd(), SourceEnd::kOpen);
}

TEST_P(PumpTest, StopsAtTheHighMarkAndGoesOnBelowTheLowOne) {
  connect();
  to_.window = 0;
  from_.input = pattern(200'000);
  runAll();
  EXPECT_TRUE(pump_.paused());
  EXPECT_LE(pump_.waiting(), kFifo);
  EXPECT_GT(pump_.waiting() + ByteStream::kReadUnit, kFifo);
  EXPECT_EQ(count(Counter::kReadsPausedInbound, Counter::kReadsPausedOutbound), 1u);
  EXPECT_EQ(count(Counter::kReadsResumedInbound, Counter::kReadsResumedOutbound), 0u);

  const size_t taken = from_.taken;
  to_.window = kFifo / 4;  // a little room is not yet a reason to read
  pump_.push(now_);
  EXPECT_TRUE(pump_.paused());
  to_.window = kFifo / 4;
  pump_.push(now_);
  EXPECT_FALSE(pump_.paused());
  EXPECT_TRUE(pump_.wantsRead());
  EXPECT_EQ(from_.taken, taken) << "push() reads nothing";
  EXPECT_EQ(count(Counter::kReadsResumedInbound, Counter::kReadsResumedOutbound), 1u);

  runAll();
  EXPECT_EQ(count(Counter::kReadsPausedInbound, Counter::kReadsPausedOutbound), 2u);
  to_.window = ScriptedPeer::kUnlimited;
  runAll();
  EXPECT_EQ(difference(to_.received, pattern(200'000)), "");
  EXPECT_FALSE(pump_.paused());
}

TEST_P(PumpTest, ReadsOneRecordAtATimeWhileMemoryIsShort) {
  connect();
  shortenMemory();
  to_.overhead = 22;
  to_.window = 0;
  from_.input = pattern(300'000);
  pump_.run(now_);
  EXPECT_EQ(from_.taken, ByteStream::kReadUnit);
  EXPECT_TRUE(pump_.paused());
  EXPECT_TRUE(pump_.wantsWrite()) << "the sink wakes it";
  EXPECT_EQ(counters_.get(Counter::kMemoryReadsPaused), 1u);
  runAll();
  EXPECT_EQ(from_.taken, ByteStream::kReadUnit);
  to_.window = 1000;
  pump_.push(now_);
  EXPECT_TRUE(pump_.paused()) << "a part of the record still waits";
  to_.window = ScriptedPeer::kUnlimited;
  pump_.push(now_);
  EXPECT_FALSE(pump_.paused());
  EXPECT_TRUE(pump_.wantsRead());
  runAll();
  EXPECT_EQ(difference(to_.received, pattern(300'000)), "") << "so it moves";
}

TEST_P(PumpTest, AShortageEndsWithTheNextBytesThatLeave) {
  connect();
  shortenMemory();
  to_.window = 0;
  from_.input = pattern(300'000);
  pump_.run(now_);
  pool_.setMemoryLimit(0);
  EXPECT_TRUE(pump_.paused());
  to_.window = 1;
  pump_.push(now_);
  EXPECT_FALSE(pump_.paused()) << "more than half of the FIFO is free";
  runAll();
  EXPECT_GT(pump_.waiting(), kFifo - ByteStream::kReadUnit);
}

/// Whether a pull() reads, and whether the pump wants to be called for it afterwards: for every
/// level of the FIFO, with and without a shortage, paused before or not.
TEST_P(PumpTest, WhatMayBeReadAtEveryLevel) {
  constexpr size_t kUnit = ByteStream::kReadUnit;
  const struct {
    size_t waiting;
    bool tight;
    bool reads;
  } kTable[] = {
      {0, false, true},
      {0, true, true},
      {1, false, true},
      {1, true, false},
      {kUnit, false, true},
      {kUnit, true, false},
      {kFifo - kUnit, false, true},
      {kFifo - kUnit, true, false},
      {kFifo - kUnit + 1, false, false},
      {kFifo - kUnit + 1, true, false},
      {kFifo, false, false},
      {kFifo, true, false},
  };
  for (const auto& row : kTable) {
    ScriptedPeer from;
    ScriptedPeer to;
    ScriptedStream source{from};
    ScriptedStream sink{to};
    TestPump pump(GetParam(), pool_, kFifo, counters_);
    pump.setSource(&source);
    to.window = 0;
    from.input = pattern(row.waiting);
    pump.pull(now_);
    ASSERT_EQ(pump.buffered(), row.waiting);
    pump.setSink(&sink);
    if (row.tight) shortenMemory();
    from.readAtMost = ScriptedPeer::kUnlimited;
    from.input = pattern(kFifo);
    const size_t before = from.taken;
    pump.pull(now_);
    const std::string words =
        std::to_string(row.waiting) + " bytes wait" + (row.tight ? ", memory is short" : "");
    EXPECT_EQ(from.taken != before, row.reads) << words;
    EXPECT_EQ(pump.wantsRead(), row.reads) << words;
    EXPECT_LE(pump.waiting(), std::max(row.waiting, pump.most())) << words;
    EXPECT_LE(from.taken - before, pump.most()) << words;
    to.window = ScriptedPeer::kUnlimited;
    pump.push(now_);
    EXPECT_TRUE(pump.wantsRead()) << words << ": it goes on when everything has left";
    pool_.setMemoryLimit(0);
  }
}

TEST_P(PumpTest, TheOtherDirectionsCountersStayUntouched) {
  connect();
  to_.window = 0;
  from_.input = pattern(200'000);
  runAll();
  to_.window = ScriptedPeer::kUnlimited;
  runAll();
  const bool inbound = GetParam() == Direction::kInbound;
  EXPECT_EQ(counters_.get(inbound ? Counter::kBytesOutbound : Counter::kBytesInbound), 0u);
  EXPECT_EQ(counters_.get(inbound ? Counter::kReadsPausedOutbound : Counter::kReadsPausedInbound),
            0u);
  EXPECT_EQ(counters_.get(inbound ? Counter::kReadsResumedOutbound : Counter::kReadsResumedInbound),
            0u);
}

TEST_P(PumpTest, WhatTheSinkHasSealedCountsAsWaiting) {
  connect();
  to_.overhead = 22;
  to_.window = 0;
  from_.input = pattern(500'000);
  runAll();
  EXPECT_TRUE(pump_.paused());
  EXPECT_EQ(pump_.buffered(), 0u);
  EXPECT_GE(sink_.backlog(), kFifo - ByteStream::kReadUnit);
  EXPECT_LE(pump_.waiting(), kFifo + 4 * to_.overhead);
  EXPECT_TRUE(pump_.wantsWrite());
  to_.window = ScriptedPeer::kUnlimited;
  pump_.push(now_);
  EXPECT_FALSE(pump_.paused());
  runAll();
  EXPECT_EQ(difference(to_.received, pattern(500'000)), "");
}

TEST_P(PumpTest, LearnsThatTheSinkFlushedByItself) {
  connect();
  to_.overhead = 22;
  to_.window = 0;
  from_.input = pattern(100'000);
  runAll();
  ASSERT_TRUE(pump_.paused());
  to_.window = ScriptedPeer::kUnlimited;
  ASSERT_EQ(sink_.flush(), IoStatus::kOk);  // as reading the same TLS stream does
  pump_.push(now_);
  EXPECT_FALSE(pump_.paused());
  EXPECT_TRUE(pump_.wantsRead());
  EXPECT_EQ(pump_.stalledSince(), kNever);
}

TEST_P(PumpTest, ACleanEndTravelsAfterTheLastByte) {
  connect();
  to_.window = 10;
  from_.input = pattern(100);
  from_.inputEnd = IoStatus::kEof;
  runAll();
  EXPECT_EQ(pump_.sourceEnd(), SourceEnd::kClean);
  EXPECT_FALSE(pump_.wantsRead());
  EXPECT_FALSE(to_.finSeen);
  EXPECT_FALSE(pump_.done());
  EXPECT_FALSE(pump_.over());
  to_.open(90);
  pump_.push(now_);
  EXPECT_TRUE(to_.finSeen);
  EXPECT_TRUE(pump_.done());
  EXPECT_TRUE(pump_.over());
  EXPECT_FALSE(pump_.wantsWrite());
  EXPECT_EQ(difference(to_.received, pattern(100)), "");
}

TEST_P(PumpTest, AnEndThatWaitsBehindSealedBytesIsDoneWhenTheyLeft) {
  connect();
  to_.overhead = 22;
  to_.window = 60;
  from_.input = pattern(100);
  from_.inputEnd = IoStatus::kEof;
  runAll();
  EXPECT_FALSE(pump_.done());
  EXPECT_TRUE(pump_.wantsWrite());
  EXPECT_FALSE(to_.finSeen);
  to_.open(1000);
  pump_.push(now_);
  EXPECT_TRUE(pump_.done());
  EXPECT_TRUE(to_.finSeen);
  EXPECT_FALSE(pump_.wantsWrite());
  EXPECT_EQ(difference(to_.received, pattern(100)), "");
}

TEST_P(PumpTest, AnEndWithoutBytesTravelsToo) {
  connect();
  from_.inputEnd = IoStatus::kEof;
  pump_.run(now_);
  EXPECT_TRUE(to_.finSeen);
  EXPECT_TRUE(pump_.done());
}

TEST_P(PumpTest, AnEndBeforeTheSinkIsThereWaitsForIt) {
  pump_.setSource(&source_);
  from_.input = "last words";
  from_.inputEnd = IoStatus::kEof;
  runAll();
  EXPECT_EQ(pump_.sourceEnd(), SourceEnd::kClean);
  EXPECT_FALSE(pump_.over());
  pump_.setSink(&sink_);
  pump_.push(now_);
  EXPECT_EQ(to_.received, "last words");
  EXPECT_TRUE(pump_.done());
}

TEST_P(PumpTest, AbnormalEndsDoNotTravel) {
  const std::pair<IoStatus, SourceEnd> ends[] = {{IoStatus::kTruncated, SourceEnd::kTruncated},
                                                 {IoStatus::kReset, SourceEnd::kReset},
                                                 {IoStatus::kFailed, SourceEnd::kFailed}};
  for (const auto& [status, end] : ends) {
    Pump pump(GetParam(), pool_, kFifo, counters_);
    ScriptedPeer from;
    ScriptedPeer to;
    ScriptedStream source(from);
    ScriptedStream sink(to);
    pump.setSource(&source);
    pump.setSink(&sink);
    from.input = "abc";
    from.inputEnd = status;
    for (int i = 0; i < 3; ++i) pump.run(now_);
    EXPECT_EQ(pump.sourceEnd(), end);
    EXPECT_EQ(to.received, "abc") << "what came before is delivered";
    EXPECT_FALSE(to.finSeen);
    EXPECT_FALSE(pump.over());
    EXPECT_FALSE(pump.wantsRead());
  }
}

TEST_P(PumpTest, ATruncatedEndMayBeTreatedAsAClean) {
  connect();
  from_.input = "abc";
  from_.inputEnd = IoStatus::kTruncated;
  runAll();
  ASSERT_EQ(pump_.sourceEnd(), SourceEnd::kTruncated);
  pump_.treatAsClean();
  pump_.push(now_);
  EXPECT_TRUE(to_.finSeen);
  EXPECT_TRUE(pump_.over());
}

TEST_P(PumpTest, ABrokenSinkStopsReadingAndKeepsWhatWaits) {
  connect();
  from_.input = "abc";
  to_.reset();
  pump_.run(now_);
  EXPECT_TRUE(pump_.sinkBroken());
  EXPECT_FALSE(pump_.wantsRead());
  EXPECT_FALSE(pump_.wantsWrite());
  EXPECT_FALSE(pump_.over());
  EXPECT_EQ(pump_.buffered(), 3u);
  pump_.discard();
  EXPECT_EQ(pump_.lost(), 3u);
  EXPECT_EQ(count(Counter::kBytesLostInbound, Counter::kBytesLostOutbound), 3u);
  EXPECT_EQ(pool_.leasedBytes(), 0u);
}

TEST_P(PumpTest, ASinkThatBreaksAfterEverythingWasGivenIsOver) {
  connect();
  to_.overhead = 22;
  to_.window = 0;
  from_.input = "abc";
  from_.inputEnd = IoStatus::kEof;
  runAll();
  EXPECT_FALSE(pump_.over());
  to_.reset();
  pump_.push(now_);
  EXPECT_TRUE(pump_.sinkBroken());
  EXPECT_FALSE(pump_.done());
  EXPECT_TRUE(pump_.over());
}

TEST_P(PumpTest, ASinkThatCannotEndIsBroken) {
  connect();
  runAll();
  to_.reset();
  from_.inputEnd = IoStatus::kEof;
  pump_.run(now_);
  EXPECT_TRUE(pump_.sinkBroken());
  EXPECT_FALSE(pump_.done());
  EXPECT_TRUE(pump_.over());
}

TEST_P(PumpTest, AFailedWriteBreaksTheSinkToo) {
  connect();
  from_.input = "abc";
  to_.writeEnd = IoStatus::kFailed;
  pump_.run(now_);
  EXPECT_TRUE(pump_.sinkBroken());
}

TEST_P(PumpTest, DiscardCountsWhatTheSinkStillHeld) {
  connect();
  from_.input = "abcdef";
  to_.window = 2;
  runAll();
  EXPECT_EQ(pump_.delivered(), 2u);
  pump_.discard(7);
  EXPECT_EQ(pump_.lost(), 4u + 7u);
  EXPECT_EQ(count(Counter::kBytesLostInbound, Counter::kBytesLostOutbound), 11u);
  EXPECT_EQ(pump_.waiting(), 0u);
}

TEST_P(PumpTest, RecordsWithoutPayloadAreNeitherEndNorActivity) {
  connect();
  from_.emptyReads = 5;
  const TimePoint start = now_;
  pump_.touch(start);
  pass(Millis(10));
  runAll();
  EXPECT_EQ(pump_.sourceEnd(), SourceEnd::kOpen);
  EXPECT_EQ(pump_.lastActivity(), start);
}

TEST_P(PumpTest, KnowsHowLongBytesHaveWaited) {
  connect();
  const TimePoint start = now_;
  EXPECT_EQ(pump_.stalledSince(), kNever);
  to_.window = 0;
  from_.input = pattern(100);
  pump_.run(now_);
  EXPECT_EQ(pump_.lastActivity(), start);
  EXPECT_EQ(pump_.stalledSince(), start);

  pass(Millis(100));
  pump_.push(now_);  // a retry without progress
  EXPECT_EQ(pump_.stalledSince(), start);
  EXPECT_EQ(pump_.blockedFor(now_), Millis(100));

  to_.window = 10;
  pump_.push(now_);
  EXPECT_EQ(pump_.stalledSince(), now_) << "progress begins a new stall";
  EXPECT_EQ(pump_.lastActivity(), now_);

  pass(Millis(50));
  to_.window = 90;
  pump_.push(now_);
  EXPECT_EQ(pump_.stalledSince(), kNever);
  EXPECT_EQ(pump_.blockedFor(now_), Millis(150));
  pass(Millis(1000));
  EXPECT_EQ(pump_.blockedFor(now_), Millis(150));
}

TEST_P(PumpTest, SealingIsNotProgress) {
  connect();
  to_.overhead = 22;
  to_.window = 0;
  from_.input = pattern(100);
  pump_.run(now_);
  const TimePoint start = now_;
  pass(Millis(10));
  from_.input += pattern(100);
  pump_.run(now_);  // more comes in, nothing leaves
  EXPECT_EQ(pump_.stalledSince(), start);
  EXPECT_EQ(pump_.lastActivity(), now_);
}

TEST_P(PumpTest, WithoutMemoryTheSourceFails) {
  Pump pump(GetParam(), pool_, size_t{1} << 52, counters_);
  pump.setSource(&source_);
  pump.setSink(&sink_);
  from_.input = "abc";
  pump.run(now_);
  EXPECT_EQ(pump.sourceEnd(), SourceEnd::kFailed);
  EXPECT_EQ(from_.taken, 0u);
}

INSTANTIATE_TEST_SUITE_P(Both, PumpTest, testing::Values(Direction::kInbound, Direction::kOutbound),
                         [](const auto& info) {
                           return info.param == Direction::kInbound ? "Inbound" : "Outbound";
                         });

}  // namespace
}  // namespace culvert
