// SPDX-License-Identifier: GPL-3.0-or-later
// FairQueue and HandshakeRate together, in simulated time: shares are fair, the rate is never
// exceeded, and nobody starves.
#include "limit/fair_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <random>
#include <vector>

#include "limit/handshake_rate.h"

namespace culvert {
namespace {

using std::chrono::seconds;

SourceKey networkNumber(uint32_t number) {
  return SourceKey::networkOf(SocketAddress::ipv4(0x0a000000 + (number << 8), 0));
}

struct TestWaiter : FairQueue::Waiter {
  explicit TestWaiter(uint32_t from, TimePoint came = {}) : network(from), since(came) {}
  uint32_t network;
  TimePoint since;
};

class FairQueueTest : public ::testing::Test {
 protected:
  TestWaiter& push(uint32_t network, size_t most = 1000) {
    waiters_.push_back(std::make_unique<TestWaiter>(network));
    pushed_ = queue_.push(*waiters_.back(), networkNumber(network), most);
    return *waiters_.back();
  }
  TestWaiter& pop() { return static_cast<TestWaiter&>(queue_.pop()); }

  FairQueue queue_;
  std::vector<std::unique_ptr<TestWaiter>> waiters_;
  bool pushed_ = false;
};

TEST_F(FairQueueTest, NetworksTakeTurnsAndKeepTheirOrder) {
  TestWaiter* flood[3] = {&push(1), &push(1), &push(1)};
  TestWaiter& second = push(2);
  TestWaiter& third = push(3);
  EXPECT_EQ(queue_.networks(), 3u);
  EXPECT_EQ(&pop(), flood[0]);
  EXPECT_EQ(&pop(), &second);
  EXPECT_EQ(&pop(), &third);
  EXPECT_EQ(&pop(), flood[1]);
  EXPECT_EQ(&pop(), flood[2]);
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(queue_.networks(), 0u);
}

TEST_F(FairQueueTest, TheBoundIsThatOfOneNetwork) {
  push(1, 2);
  push(1, 2);
  EXPECT_TRUE(pushed_);
  EXPECT_FALSE(push(1, 2).waits());
  EXPECT_FALSE(pushed_);
  EXPECT_TRUE(push(2, 2).waits());
  EXPECT_FALSE(push(3, 0).waits());
  EXPECT_EQ(queue_.networks(), 2u) << "a network without waiters is not kept";
  EXPECT_EQ(queue_.size(), 3u);
}

TEST_F(FairQueueTest, AWaiterThatEndsLeavesTheQueue) {
  push(1);
  TestWaiter& stays = push(1);
  push(2);
  waiters_[0].reset();
  waiters_[2].reset();
  EXPECT_EQ(queue_.size(), 1u);
  EXPECT_EQ(queue_.networks(), 1u);
  EXPECT_EQ(&pop(), &stays);
  EXPECT_FALSE(stays.waits());
}

TEST_F(FairQueueTest, AQueueThatEndsFreesItsWaiters) {
  TestWaiter waiter(1);
  {
    FairQueue queue;
    ASSERT_TRUE(queue.push(waiter, networkNumber(1), 1));
  }
  EXPECT_FALSE(waiter.waits());
}

TEST_F(FairQueueTest, ComingBackGainsNothing) {
  push(1);
  push(2);
  push(2);
  EXPECT_EQ(pop().network, 1u);
  push(1);
  EXPECT_EQ(pop().network, 2u);
  EXPECT_EQ(pop().network, 1u);
  EXPECT_EQ(pop().network, 2u);
}

TEST(HandshakeRateTest, IsNeverExceededInAnyWindow) {
  HandshakeRate rate;
  rate.setRate(50);
  std::mt19937 random(3);
  std::vector<TimePoint> used;
  TimePoint now{seconds(100)};
  for (int i = 0; i < 3000; ++i) {
    now += Micros(random() % 30'000);
    now = std::max(now, rate.reserve(now));
    used.push_back(now);
  }
  const double burst = 50 * 0.1;  // kBurst
  for (size_t first = 0; first < used.size(); first += 7) {
    for (size_t last = first; last < used.size(); last += 13) {
      const double window = std::chrono::duration<double>(used[last] - used[first]).count();
      ASSERT_LE(static_cast<double>(last - first + 1), window * 50 + burst + 1e-6);
    }
  }
}

TEST(HandshakeRateTest, TokensGatherUpToTheBurst) {
  HandshakeRate rate;
  rate.setRate(100);
  const TimePoint now{seconds(100)};
  for (int i = 0; i < 10; ++i) EXPECT_LE(rate.reserve(now), now) << i;
  EXPECT_EQ(rate.reserve(now) - now, Millis(10));
  rate.setRate(5);  // less than one in kBurst: one at a time
  const TimePoint later = now + seconds(10);
  EXPECT_LE(rate.reserve(later), later);
  EXPECT_EQ(rate.reserve(later) - later, Millis(200));
}

TEST(HandshakeRateTest, DebtsDelayOthersByABoundedTime) {
  HandshakeRate rate;
  rate.setRate(10);
  const TimePoint now{seconds(100)};
  rate.charge(now);
  EXPECT_GT(rate.reserve(now), now);
  for (int i = 0; i < 1000; ++i) rate.charge(now);
  EXPECT_LE(rate.reserve(now) - now, HandshakeRate::kMostDebt + Millis(100));
}

TEST(HandshakeRateTest, WithoutARateNothingWaits) {
  HandshakeRate rate;
  EXPECT_FALSE(rate.limited());
  const TimePoint now{seconds(1)};
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(rate.reserve(now), now);
}

/// One worker as HandshakeGate is one: a queue, and at most one reservation.
struct SimulatedGate {
  FairQueue queue;
  TimePoint reserved = kNever;

  bool takeToken(HandshakeRate& rate, TimePoint now) {
    if (reserved == kNever) reserved = rate.reserve(now);
    if (reserved > now) return false;
    reserved = kNever;
    return true;
  }
};

/// A flood from network 0 at ten times the rate, and other networks at less than their share, on a
/// random number of workers.
TEST(FairShareTest, NobodyStarvesInAFlood) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    const unsigned rateNumber = 50 + random() % 400;
    const unsigned workers = 1 + random() % 4;
    const uint32_t others = 1 + random() % 8;
    const size_t most = std::max<size_t>(2 * rateNumber, 64);
    HandshakeRate rate;
    rate.setRate(rateNumber);
    std::vector<SimulatedGate> gates(workers);
    std::deque<TestWaiter> all;  // stable addresses
    std::vector<size_t> served(others + 1);
    std::vector<size_t> sent(others + 1);
    Clock::duration worst{};
    size_t refused = 0;
    const TimePoint start{seconds(50)};
    for (int milli = 0; milli < 10'000; ++milli) {
      const TimePoint now = start + Millis(milli);
      for (uint32_t network = 0; network <= others; ++network) {
        // The others together want a quarter of the rate.
        const double wanted = network == 0 ? rateNumber * 10.0 : rateNumber * 0.25 / others;
        const double limit = wanted / 1000 * 1'000'000;
        for (double left = limit; left > 0; left -= 1'000'000) {
          if (random() % 1'000'000 >= left) continue;
          all.emplace_back(network, now);
          ++sent[network];
          auto& gate = gates[random() % workers];
          if (gate.queue.push(all.back(), networkNumber(network), most)) continue;
          ++refused;
          ASSERT_EQ(network, 0u) << "seed " << seed;
        }
      }
      for (SimulatedGate& gate : gates) {
        while (!gate.queue.empty() && gate.takeToken(rate, now)) {
          auto& next = static_cast<TestWaiter&>(gate.queue.pop());
          ++served[next.network];
          if (next.network != 0) worst = std::max(worst, now - next.since);
        }
      }
    }
    size_t total = 0;
    for (const size_t count : served) total += count;
    ASSERT_LE(total, rateNumber * 10 + rateNumber / 10 + workers) << "seed " << seed;
    ASSERT_GE(total, rateNumber * 10 * 95 / 100) << "nothing of the rate is lost, seed " << seed;
    ASSERT_GT(refused, 0u);
    // A waiter may find some of each other network before it: then its turn comes.
    const auto turn = Clock::duration(seconds(1)) / rateNumber * (others + 1) * workers;
    ASSERT_LE(worst, 12 * turn + Millis(20)) << "seed " << seed;
    for (uint32_t network = 1; network <= others; ++network)
      ASSERT_GE(served[network] + 8 * workers, sent[network]) << "seed " << seed;
  }
}

/// All networks want more than they can have: each gets the same.
TEST(FairShareTest, SharesAreEqual) {
  HandshakeRate rate;
  rate.setRate(100);
  SimulatedGate gate;
  std::deque<TestWaiter> all;
  std::vector<size_t> served(5);
  const TimePoint start{seconds(50)};
  for (int milli = 0; milli < 5000; ++milli) {
    const TimePoint now = start + Millis(milli);
    for (uint32_t network = 0; network < 5; ++network) {
      for (uint32_t i = 0; i <= network; ++i) {  // some want more than others
        all.emplace_back(network, now);
        (void)gate.queue.push(all.back(), networkNumber(network), 64);
      }
    }
    while (!gate.queue.empty() && gate.takeToken(rate, now))
      ++served[static_cast<TestWaiter&>(gate.queue.pop()).network];
  }
  const auto [least, largest] = std::minmax_element(served.begin(), served.end());
  EXPECT_LE(*largest - *least, 1u);
  EXPECT_GE(*least, 99u);
}

}  // namespace
}  // namespace culvert
