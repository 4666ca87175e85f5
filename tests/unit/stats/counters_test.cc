// SPDX-License-Identifier: GPL-3.0-or-later
// Blocks are summed by kind, and every form of the counters comes from the one list.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <thread>

#include "stats/counter_registry.h"

namespace culvert {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kCauses[] = {"client-fin", "client-reset", "idle", "tls-sent:"};

std::string textOf(const CounterSnapshot& snapshot) {
  std::string text;
  for (const NamedCount& count : namedCounts(snapshot, kCauses))
    text += count.name + "=" + std::to_string(count.value) + " ";
  return text;
}

TEST(Counters, BlockAddsSubtractsAndSets) {
  CounterBlock block;
  block.add(Counter::kAccepted);
  block.add(Counter::kBytesInbound, 1000);
  block.add(Counter::kTunnelsActive, 3);
  block.sub(Counter::kTunnelsActive);
  block.set(Counter::kLongestTurn, 50);
  block.set(Counter::kReloadsOk, 9);
  EXPECT_EQ(block.get(Counter::kAccepted), 1u);
  EXPECT_EQ(block.get(Counter::kBytesInbound), 1000u);
  EXPECT_EQ(block.get(Counter::kTunnelsActive), 2u);
  EXPECT_EQ(block.get(Counter::kLongestTurn), 50u);
  EXPECT_EQ(block.get(Counter::kReloadsOk), 9u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(&block) % 64, 0u);
}

TEST(Counters, CausesOutOfRangeCountAsTheLast) {
  CounterBlock block;
  block.addCause(2);
  block.addCause(kMaxCauses - 1);
  block.addCause(kMaxCauses);
  block.addCause(static_cast<size_t>(-1));
  EXPECT_EQ(block.cause(2), 1u);
  EXPECT_EQ(block.cause(kMaxCauses - 1), 3u);
  EXPECT_EQ(block.cause(kMaxCauses), 0u);
}

TEST(Counters, SnapshotSumsCountersAndGaugesAndTakesTheLargestOfMaxima) {
  CounterRegistry registry;
  CounterBlock& first = registry.addBlock();
  CounterBlock& second = registry.addBlock();
  first.add(Counter::kAccepted, 2);
  second.add(Counter::kAccepted, 3);
  first.add(Counter::kTunnelsActive, 5);
  second.sub(Counter::kTunnelsActive, 1);  // opened there, closed here
  first.set(Counter::kLongestTurn, 7);
  second.set(Counter::kLongestTurn, 4);
  first.addCause(0);
  second.addCause(0);
  const CounterSnapshot sum = registry.snapshot();
  EXPECT_EQ(sum.get(Counter::kAccepted), 5u);
  EXPECT_EQ(sum.get(Counter::kTunnelsActive), 4u);
  EXPECT_EQ(sum.get(Counter::kLongestTurn), 7u);
  EXPECT_EQ(sum.cause(0), 2u);
}

TEST(Counters, SnapshotWhileOthersCount) {
  CounterRegistry registry;
  CounterBlock& block = registry.addBlock();
  std::thread writer([&block] {
    for (int i = 0; i < 100000; ++i) block.add(Counter::kAccepted);
  });
  uint64_t last = 0;
  for (int i = 0; i < 100; ++i) {
    const uint64_t now = registry.snapshot().get(Counter::kAccepted);
    EXPECT_GE(now, last);
    last = now;
    registry.addBlock();
  }
  writer.join();
  EXPECT_EQ(registry.snapshot().get(Counter::kAccepted), 100000u);
}

TEST(Counters, TextHoldsEveryCounterOnce) {
  CounterSnapshot snapshot;
  snapshot.set(Counter::kAccepted, 12);
  const std::string text = textOf(snapshot);
  EXPECT_TRUE(text.starts_with("accepted=12 probes=0 "));
  std::set<std::string> keys;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    EXPECT_TRUE(keys.insert(word.substr(0, word.find('='))).second) << word;
  }
  EXPECT_EQ(keys.size(), kCounterCount);  // no cause occurred
}

TEST(Counters, TextSaysOnlyCausesThatOccurred) {
  CounterRegistry registry;
  CounterBlock& block = registry.addBlock();
  block.addCause(2);
  block.addCause(3);
  block.addCause(40);  // without a name
  const std::string text = textOf(registry.snapshot());
  EXPECT_THAT(text, HasSubstr(" closed_by_cause.idle=1 "));
  EXPECT_THAT(text, HasSubstr(" closed_by_cause.tls-sent=1 "));
  EXPECT_THAT(text, Not(HasSubstr("client-fin")));
}

}  // namespace
}  // namespace culvert
