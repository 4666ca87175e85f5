// SPDX-License-Identifier: GPL-3.0-or-later
// The pool of a service's addresses: the order of a pass, places, checks, ejections, reloads.
#include "backend/backend_pool.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <random>
#include <thread>

namespace culvert {
namespace {

class BackendPoolTest : public testing::Test {
 protected:
  static SocketAddress at(uint16_t port) { return SocketAddress::ipv4(INADDR_LOOPBACK, port); }
  static std::vector<PoolTarget> backends(const std::vector<unsigned>& weights) {
    std::vector<PoolTarget> all;
    for (const unsigned weight : weights) {
      const auto port = static_cast<uint16_t>(all.size() + 1);
      all.push_back({std::make_shared<BackendTarget>(at(port)), weight});
    }
    return all;
  }
  std::unique_ptr<BackendPool> make(const std::vector<unsigned>& weights,
                                    const BackendPool* before = nullptr) {
    return std::make_unique<BackendPool>(options_, backends(weights), before);
  }
  std::string order(BackendPool& pool, uint64_t client = 0) {
    AddressSet pass;
    EXPECT_TRUE(pool.plan(pass, client, now_).empty());
    std::string text;
    for (const SocketAddress& address : pass) text += std::to_string(address.port());
    return text;
  }
  void check(BackendPool& pool, uint16_t port, bool ok) {
    pool.probed(at(port), ok, ok ? "" : "refused", now_);
  }
  void pass(Millis time) { now_ += time; }

  PoolOptions options_{.checked = true, .health = {.rise = 1, .fall = 1}};
  TimePoint now_ = TimePoint{} + std::chrono::hours(1);
};

TEST_F(BackendPoolTest, FirstKeepsTheListAndPutsWhatIsDownLast) {
  const auto pool = make({1, 1, 1});
  EXPECT_EQ(order(*pool), "123");
  check(*pool, 1, false);
  EXPECT_EQ(order(*pool), "231");
  check(*pool, 2, false);
  EXPECT_EQ(order(*pool), "312") << "what is down keeps the order of the list";
  check(*pool, 1, true);
  EXPECT_EQ(order(*pool), "132");
}

TEST_F(BackendPoolTest, ResultsOfChecksDoNotCountWhenChecksAreOff) {
  const auto checked = make({1, 1});
  check(*checked, 1, false);
  check(*checked, 2, false);
  EXPECT_TRUE(checked->down());
  options_.checked = false;
  const auto after = make({1, 1}, checked.get());
  EXPECT_EQ(order(*after), "12");
  EXPECT_FALSE(after->down());
}

TEST_F(BackendPoolTest, FullComesBehindUsableAndBeforeDown) {
  options_.maxTunnels = 1;
  const auto pool = make({1, 1, 1});
  const auto hold = pool->take(at(1));
  ASSERT_TRUE(hold);
  check(*pool, 2, false);
  EXPECT_EQ(order(*pool), "312");
}

TEST_F(BackendPoolTest, SilenceComesLastWhateverTheBalance) {
  options_.balance = Balance::kRoundRobin;
  const auto pool = make({1, 1, 1});
  pool->connectSilent(at(2), ETIMEDOUT, Millis(250), {at(1), at(2), at(3)}, now_);
  check(*pool, 3, false);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(order(*pool), "132");
}

TEST_F(BackendPoolTest, EachBalanceDistributesByWeight) {
  for (const Balance how : {Balance::kRoundRobin, Balance::kRandom2, Balance::kSourceHash}) {
    options_.balance = how;
    std::mt19937_64 engine(3);
    options_.random = [&engine] { return engine(); };
    const auto pool = make({1, 2, 5});
    std::map<char, int> counts;
    for (uint32_t i = 0; i < 8000; ++i)
      ++counts[order(*pool, hostKey(SocketAddress::ipv4(0xc0a80000 + i, 1))).front()];
    EXPECT_NEAR(counts['1'], 1000, 120);
    EXPECT_NEAR(counts['2'], 2000, 160);
    EXPECT_NEAR(counts['3'], 5000, 180);
  }
}

TEST_F(BackendPoolTest, LeastCountsPlacesThatAreHeld) {
  options_.balance = Balance::kLeast;
  const auto pool = make({1, 1, 1});
  std::vector<BackendHold> holds;
  for (const uint16_t port : {1, 1, 3}) holds.push_back(std::move(*pool->take(at(port))));
  EXPECT_EQ(order(*pool), "231");
  holds.clear();
  EXPECT_EQ(pool->report(now_)[0].open, 0u);
}

TEST_F(BackendPoolTest, AnAddressOfTwoBackendsIsTriedOnce) {
  options_.balance = Balance::kRoundRobin;
  auto twice = backends({1, 1});
  twice.push_back({std::make_shared<BackendTarget>(at(1)), 1});
  BackendPool pool(options_, std::move(twice));
  EXPECT_EQ(order(pool).size(), 2u);
}

TEST_F(BackendPoolTest, TwoHoldersOfOnePlaceDoNotExist) {
  options_.maxTunnels = 100;
  const auto pool = make({1});
  std::atomic<int> got{0};
  std::atomic<int> ready{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      std::vector<BackendHold> mine;
      for (int i = 0; i < 60; ++i)
        if (auto hold = pool->take(at(1))) mine.push_back(std::move(*hold));
      got += static_cast<int>(mine.size());
      ++ready;
      while (ready < 4) std::this_thread::yield();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(got, 100);
  EXPECT_EQ(pool->report(now_)[0].open, 0u);
}

TEST_F(BackendPoolTest, IsDownWhenEveryAddressIsDownByChecks) {
  const auto pool = make({1, 1});
  int changes = 0;
  pool->setOnDownChange([&changes] { ++changes; });
  check(*pool, 1, false);
  EXPECT_FALSE(pool->down());
  check(*pool, 2, false);
  EXPECT_TRUE(pool->down());
  EXPECT_EQ(pool->downCount(now_), 2u);
  EXPECT_EQ(changes, 1);
  check(*pool, 2, false);
  EXPECT_EQ(changes, 1);
  check(*pool, 1, true);
  EXPECT_FALSE(pool->down());
  EXPECT_EQ(changes, 2);
}

TEST_F(BackendPoolTest, IsDownWhenConnectsFailUntilOneOrACheckSucceeds) {
  const auto pool = make({1});
  int changes = 0;
  pool->setOnDownChange([&changes] { ++changes; });
  EXPECT_TRUE(pool->connectFailed(at(1), ECONNREFUSED, {at(1)}, now_));
  EXPECT_TRUE(pool->down());
  const auto events = pool->probed(at(1), true, "", now_);
  EXPECT_FALSE(pool->down());
  EXPECT_EQ(changes, 2);
  ASSERT_EQ(events.addresses.size(), 1u);
  EXPECT_EQ(events.addresses[0].report.status, AddressStatus::kUp);
  pool->connectFailed(at(1), ECONNREFUSED, {at(1)}, now_);
  pool->connected(at(1), now_);
  EXPECT_EQ(changes, 4);
}

TEST_F(BackendPoolTest, FlappingChecksDoNotFloodTheLogAndItsLastLineIsTrue) {
  const auto pool = make({1, 1});
  size_t lines = 0;
  for (int i = 0; i < 50; ++i) {
    lines += pool->probed(at(1), false, "refused", now_).pool.size();
    pass(Millis(5));
    lines += pool->probed(at(1), true, "", now_).pool.size();
    pass(Millis(5));
  }
  EXPECT_EQ(lines, NewsGate::kAtOnce);
  pool->probed(at(1), false, "refused", now_);
  EXPECT_TRUE(pool->overdue(now_).pool.empty());
  pass(NewsGate::kInterval);
  const auto late = pool->overdue(now_).pool;
  ASSERT_EQ(late.size(), 1u);
  EXPECT_EQ(late[0].event, PoolEvent::kDown);
  EXPECT_EQ(late[0].why, "refused");
  EXPECT_EQ(late[0].untold, 100u - NewsGate::kAtOnce);
}

TEST_F(BackendPoolTest, EjectsReturnsAndReports) {
  options_.ejection = {2, Millis(1000)};
  const auto pool = make({1, 1, 1});
  EXPECT_FALSE(pool->tunnelFailed(at(1), "reset", now_).ejected);
  const auto verdict = pool->tunnelFailed(at(1), "reset", now_);
  EXPECT_TRUE(verdict.ejected);
  ASSERT_EQ(verdict.news.size(), 1u);
  EXPECT_EQ(verdict.news[0].event, PoolEvent::kEjected);
  EXPECT_EQ(order(*pool), "231");
  EXPECT_EQ(pool->downCount(now_), 1u);
  EXPECT_FALSE(pool->down());
  pass(Millis(1000));
  EXPECT_EQ(order(*pool), "123") << "the time decides, not the report";
  const auto back = pool->overdue(now_).pool;
  ASSERT_EQ(back.size(), 1u);
  EXPECT_EQ(back[0].event, PoolEvent::kReturned);
  EXPECT_EQ(back[0].lasted, Millis(1000));
  EXPECT_TRUE(pool->overdue(now_).pool.empty());
  EXPECT_FALSE(pool->tunnelWorks(at(1), now_)) << "its return has been reported";
}

TEST_F(BackendPoolTest, ATunnelThatWorksEndsAnEjection) {
  options_.ejection = {1, Millis(1000)};
  const auto pool = make({1, 1});
  EXPECT_FALSE(pool->tunnelWorks(at(1), now_));
  pool->tunnelFailed(at(1), "reset", now_);
  EXPECT_EQ(order(*pool), "21");
  pass(Millis(10));
  const auto back = pool->tunnelWorks(at(1), now_);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->lasted, Millis(10));
  EXPECT_EQ(order(*pool), "12");
}

TEST_F(BackendPoolTest, AReloadKeepsTheStateOfTheAddressesThatStay) {
  options_.ejection = {1, Millis(60'000)};
  const auto before = make({1, 1});
  const auto hold = before->take(at(1));
  check(*before, 2, false);
  before->tunnelFailed(at(1), "reset", now_);
  before->connectFailed(at(1), ECONNREFUSED, {at(1)}, now_);
  EXPECT_TRUE(before->down());
  options_.balance = Balance::kLeast;
  const auto after = make({3, 1}, before.get());
  EXPECT_TRUE(after->countsWith(*before));
  auto report = after->report(now_);
  EXPECT_EQ(report[0].open, 1u);
  EXPECT_EQ(report[0].share.weight, 3u);
  EXPECT_NE(report[0].ejectedUntil, TimePoint{});
  EXPECT_EQ(report[0].connects.status, AddressStatus::kFailing);
  EXPECT_EQ(report[1].check, CheckState::kDown);
  EXPECT_TRUE(after->down());

  const auto more = make({3, 1, 1}, after.get());
  report = more->report(now_);
  EXPECT_EQ(report[0].open, 1u);
  EXPECT_EQ(report[0].connects.status, AddressStatus::kUp) << "the backends are not the same";
  EXPECT_EQ(report[2].check, CheckState::kUnknown);
  EXPECT_FALSE(more->down());
}

/// What must hold after any sequence of events.
TEST_F(BackendPoolTest, RandomEventsBreakNoRule) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 dice(seed);
    const auto roll = [&dice](uint32_t sides) { return static_cast<uint32_t>(dice() % sides); };
    options_.balance = static_cast<Balance>(roll(5));
    options_.maxTunnels = roll(4);
    options_.ejection = {roll(4), Millis(1000)};
    options_.checked = roll(2) == 0;
    options_.random = [&dice] { return uint64_t{dice()} << 32 | dice(); };
    const auto count = static_cast<uint16_t>(1 + roll(6));
    auto pool = make(std::vector<unsigned>(count, 1 + roll(3)));
    std::vector<std::vector<BackendHold>> holds(count);
    for (int step = 0; step < 60; ++step) {
      const auto port = static_cast<uint16_t>(1 + roll(count));
      auto& held = holds[port - 1U];
      pass(Millis(roll(400)));
      switch (roll(8)) {
        case 0:
          pool->tunnelFailed(at(port), "reset", now_);
          break;
        case 1:
          pool->tunnelWorks(at(port), now_);
          break;
        case 2:
          check(*pool, port, roll(2) == 0);
          break;
        case 3:
          pool->overdue(now_);
          break;
        case 4:
          if (!held.empty()) held.pop_back();
          break;
        case 5:
          pool = make(std::vector<unsigned>(count, 1 + roll(3)), pool.get());
          break;
        default: {
          const bool full = options_.maxTunnels != 0 && held.size() >= options_.maxTunnels;
          auto hold = pool->take(at(port));
          ASSERT_EQ(hold.has_value(), !full);
          if (hold) held.push_back(std::move(*hold));
          break;
        }
      }
      const auto report = pool->report(now_);
      std::map<uint16_t, int> rank;  // 0: usable, 1: full, 2: ejected or down
      size_t ejected = 0;
      size_t down = 0;
      for (const BackendState& state : report) {
        const bool bad = state.check == CheckState::kDown;
        const bool out = state.ejectedUntil != TimePoint{};
        const bool full = options_.maxTunnels != 0 && state.open >= options_.maxTunnels;
        ejected += out ? 1 : 0;
        down += bad ? 1 : 0;
        rank[state.address.port()] = bad || out ? 2 : full ? 1 : 0;
        ASSERT_EQ(state.open, holds[state.address.port() - 1U].size());
      }
      ASSERT_LE(ejected, count / 2U);
      ASSERT_EQ(pool->down(), down == count);
      AddressSet order;
      pool->plan(order, seed, now_);
      ASSERT_EQ(order.size(), count);
      for (size_t i = 1; i < order.size(); ++i)
        ASSERT_LE(rank[order[i - 1].port()], rank[order[i].port()]);
      for (const SocketAddress& address : order) ASSERT_EQ(rank.erase(address.port()), 1u);
    }
  }
}

TEST_F(BackendPoolTest, TheAddressesOfANameComeAndGo) {
  std::atomic<int> lookups{0};
  ResolverOptions resolving;
  resolving.minGap = Millis(1);
  resolving.lookup = [&](const std::string&, uint16_t) -> Result<AddressSet> {
    return lookups++ == 0 ? AddressSet{at(1), at(2)} : AddressSet{at(3), at(2)};
  };
  Resolver resolver(std::move(resolving));
  AddressSpec spec;
  spec.kind = AddressKind::kHostName;
  spec.host = "backend.example";
  spec.port = 1;
  const auto name = resolver.target(spec);
  options_.balance = Balance::kLeast;
  options_.ejection = {1, Millis(60'000)};
  BackendPool pool(options_, {{name, 4}});
  AddressSet none;
  EXPECT_EQ(pool.plan(none, 0, now_).size(), 1u) << "the name has no address yet";
  EXPECT_FALSE(pool.report(now_)[0].address.isSet());
  ASSERT_TRUE(resolver.start());
  ASSERT_TRUE(resolver.waitFirstAnswers(Millis(5000)));
  auto hold = pool.take(at(1));
  EXPECT_EQ(order(pool), "21");
  EXPECT_EQ(pool.report(now_)[1].share.weight, 4u);
  pool.tunnelFailed(at(1), "reset", now_);
  name->refreshSoon();
  const TimePoint deadline = Clock::now() + std::chrono::seconds(20);
  while (pool.addresses().front() != at(3) && Clock::now() < deadline)
    std::this_thread::sleep_for(Millis(1));
  EXPECT_EQ(order(pool).size(), 2u);
  pool.overdue(now_);
  hold.reset();
  pool.overdue(now_);
  EXPECT_TRUE(pool.tunnelFailed(at(2), "reset", now_).ejected) << "the old address is forgotten";
}

}  // namespace
}  // namespace culvert
