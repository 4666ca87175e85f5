// SPDX-License-Identifier: GPL-3.0-or-later
// Open tunnels and tokens of each source, and the bound of the memory.
#include "limit/source_table.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <thread>
#include <vector>

namespace culvert {
namespace {

using Verdict = SourceTable::Verdict;
using std::chrono::seconds;

SourceKey sourceNumber(uint32_t number) {
  return SourceKey::of(SocketAddress::ipv4(0x0a000000 + number, 0));
}

class SourceTableTest : public ::testing::Test {
 protected:
  Verdict enter(uint32_t number, const SourceTable::Limits& limits) {
    return table_.enter(sourceNumber(number), limits, now_);
  }
  void leave(uint32_t number) { table_.leave(sourceNumber(number)); }

  SourceTable table_;
  TimePoint now_{seconds(1000)};
};

TEST_F(SourceTableTest, LimitsTheOpenTunnelsOfEachSource) {
  EXPECT_EQ(enter(1, {.open = 2}), Verdict::kOk);
  EXPECT_EQ(enter(1, {.open = 2}), Verdict::kOk);
  EXPECT_EQ(enter(1, {.open = 2}), Verdict::kTooMany);
  EXPECT_EQ(enter(2, {.open = 2}), Verdict::kOk) << "another source";
  leave(1);
  EXPECT_EQ(enter(1, {.open = 2}), Verdict::kOk);
  EXPECT_EQ(table_.openOf(sourceNumber(1)), 2u);
}

TEST_F(SourceTableTest, ALoweredLimitRefusesUntilTunnelsHaveLeft) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(enter(1, {.open = 9}), Verdict::kOk);
  EXPECT_EQ(enter(1, {.open = 2}), Verdict::kTooMany);
  leave(1);
  EXPECT_EQ(enter(1, {.open = 2}), Verdict::kTooMany);
  leave(1);
  EXPECT_EQ(enter(1, {.open = 2}), Verdict::kOk);
}

TEST_F(SourceTableTest, ForgetsASourceWithoutTunnelsAndTokensToGain) {
  EXPECT_EQ(enter(1, {.open = 2}), Verdict::kOk);
  EXPECT_EQ(table_.size(), 1u);
  leave(1);
  EXPECT_EQ(table_.size(), 0u);
}

TEST_F(SourceTableTest, ASourceMayUseUpOneSecondAtOnceAndThenTheRate) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(enter(1, {.rate = 5}), Verdict::kOk) << i;
  EXPECT_EQ(enter(1, {.rate = 5}), Verdict::kTooFast);
  EXPECT_EQ(enter(2, {.rate = 5}), Verdict::kOk) << "another source";
  now_ += Millis(199);
  EXPECT_EQ(enter(1, {.rate = 5}), Verdict::kTooFast);
  now_ += Millis(1);
  EXPECT_EQ(enter(1, {.rate = 5}), Verdict::kOk);
  EXPECT_EQ(enter(1, {.rate = 5}), Verdict::kTooFast);
}

TEST_F(SourceTableTest, KeepsTheDebtOfASourceThatHasLeft) {
  EXPECT_EQ(enter(1, {.rate = 1}), Verdict::kOk);
  leave(1);
  EXPECT_EQ(enter(1, {.rate = 1}), Verdict::kTooFast);
  now_ += seconds(1);
  EXPECT_EQ(enter(2, {.rate = 1}), Verdict::kOk);
  EXPECT_EQ(enter(1, {.rate = 1}), Verdict::kOk);
}

TEST_F(SourceTableTest, ATunnelThatIsTakenBackReturnsItsToken) {
  EXPECT_EQ(enter(1, {.rate = 1}), Verdict::kOk);
  table_.takeBack(sourceNumber(1), {.rate = 1});
  EXPECT_EQ(table_.openOf(sourceNumber(1)), 0u);
  EXPECT_EQ(enter(1, {.rate = 1}), Verdict::kOk);
}

TEST_F(SourceTableTest, IdleSourcesMakeRoomAndOpenTunnelsDoNot) {
  SourceTable small(64, 1);
  for (uint32_t i = 0; i < 100; ++i)
    ASSERT_EQ(small.enter(sourceNumber(i), {.open = 1}, now_), Verdict::kOk);
  EXPECT_EQ(small.size(), 100u) << "no open tunnel is forgotten";
  for (uint32_t i = 1000; i < 11'000; ++i) {  // their buckets are not full
    ASSERT_EQ(small.enter(sourceNumber(i), {.rate = 1}, now_), Verdict::kOk);
    small.leave(sourceNumber(i));
  }
  EXPECT_LE(small.size(), 108u) << "at most one idle source for each of the shards";
  for (uint32_t i = 0; i < 100; ++i)
    ASSERT_EQ(small.enter(sourceNumber(i), {.open = 1}, now_), Verdict::kTooMany) << i;
}

TEST_F(SourceTableTest, TheMemoryIsBoundedWhileAFloodOfSourcesLasts) {
  SourceTable small(1024, 1);
  for (uint32_t i = 0; i < 50'000; ++i) {
    ASSERT_EQ(small.enter(sourceNumber(i), {.rate = 2}, now_), Verdict::kOk);
    small.leave(sourceNumber(i));
    ASSERT_LE(small.size(), 1024u);
    now_ += Micros(10);
  }
  now_ += seconds(2);
  for (uint32_t i = 0; i < 2000; ++i) {  // later calls also forget the sources with full buckets
    ASSERT_EQ(small.enter(sourceNumber(i), {.open = 1}, now_), Verdict::kOk);
    small.leave(sourceNumber(i));
  }
  EXPECT_EQ(small.size(), 0u);
}

/// Random calls against a model that remembers everything.
TEST_F(SourceTableTest, AgreesWithAModel) {
  std::mt19937 random(7);
  std::map<uint32_t, std::deque<TimePoint>> taken;  // tokens of the last second
  std::map<uint32_t, size_t> open;
  std::vector<uint32_t> inside;
  const SourceTable::Limits limits{.open = 4, .rate = 8};
  unsigned counts[3] = {};
  for (int step = 0; step < 50'000; ++step) {
    now_ += Micros(random() % 4000);
    const uint32_t number = random() % 20;
    if (random() % 3 == 0 && !inside.empty()) {
      const size_t at = random() % inside.size();
      leave(inside[at]);
      --open[inside[at]];
      inside.erase(inside.begin() + static_cast<ptrdiff_t>(at));
      continue;
    }
    const Verdict verdict = enter(number, limits);
    ++counts[static_cast<size_t>(verdict)];
    auto& recent = taken[number];
    // Twice the burst in any window of a second: the bucket's size and what it gained meanwhile.
    while (!recent.empty() && recent.front() <= now_ - seconds(1)) recent.pop_front();
    if (open[number] >= limits.open) {
      ASSERT_EQ(verdict, Verdict::kTooMany);
      continue;
    }
    if (recent.empty()) {
      ASSERT_EQ(verdict, Verdict::kOk) << "a second without tunnels fills the bucket";
    }
    if (verdict == Verdict::kTooFast) {
      ASSERT_GE(recent.size(), limits.rate / 2);
      continue;
    }
    ASSERT_EQ(verdict, Verdict::kOk);
    recent.push_back(now_);
    ASSERT_LE(recent.size(), 2 * limits.rate);
    ++open[number];
    inside.push_back(number);
    ASSERT_EQ(table_.openOf(sourceNumber(number)), open[number]);
  }
  for (const unsigned count : counts) EXPECT_GT(count, 100u) << "the test sees every verdict";
}

TEST_F(SourceTableTest, ManyThreadsLeaveNothingBehind) {
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      std::mt19937 random(t);
      for (int i = 0; i < 5000; ++i) {
        const SourceKey source = sourceNumber(random() % 50);
        if (table_.enter(source, {.open = 3}, now_) == Verdict::kOk) table_.leave(source);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (uint32_t i = 0; i < 50; ++i) EXPECT_EQ(table_.openOf(sourceNumber(i)), 0u);
}

}  // namespace
}  // namespace culvert
