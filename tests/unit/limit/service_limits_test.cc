// SPDX-License-Identifier: GPL-3.0-or-later
// The limits of a scope: which one refuses, what a hold returns, and what a reload changes.
#include "limit/service_limits.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace culvert {
namespace {

class TunnelLimitsTest : public ::testing::Test {
 protected:
  /// The word of the limit that refuses, or "" if the tunnel entered; its hold is then in holds_.
  std::string enter(TunnelLimits& limits, uint32_t host = 1) {
    auto entered = limits.enter(SocketAddress::ipv4(0x0a000000 + host, 5), now_);
    if (!entered) return std::string(limitWord(entered.error()));
    holds_.push_back(std::move(*entered));
    return "";
  }

  TunnelLimits service_{TunnelLimits::Scope::kService};
  TunnelLimits process_{TunnelLimits::Scope::kProcess};
  std::vector<LimitHold> holds_;
  TimePoint now_{std::chrono::seconds(1000)};
};

TEST_F(TunnelLimitsTest, WithoutLimitsEverybodyEntersAndNoTableExists) {
  for (uint32_t i = 0; i < 100; ++i) EXPECT_EQ(enter(service_), "");
  EXPECT_EQ(service_.open(), 100u);
  EXPECT_EQ(service_.sources(), nullptr);
  EXPECT_FALSE(service_.full());
  holds_.clear();
  EXPECT_EQ(service_.open(), 0u);
}

TEST_F(TunnelLimitsTest, EachLimitRefusesByItsName) {
  service_.setLimits({.maxTunnels = 2});
  EXPECT_EQ(enter(service_, 1), "");
  EXPECT_EQ(enter(service_, 2), "");
  EXPECT_TRUE(service_.full());
  EXPECT_EQ(enter(service_, 3), "max-tunnels");
  service_.setLimits({.maxTunnelsPerSource = 1});
  EXPECT_EQ(enter(service_, 4), "");
  EXPECT_EQ(enter(service_, 4), "max-tunnels-per-source");
  EXPECT_EQ(enter(service_, 5), "");
  service_.setLimits({.tunnelRate = 1});
  EXPECT_EQ(enter(service_, 6), "");
  EXPECT_EQ(enter(service_, 6), "tunnel-rate");
  EXPECT_EQ(service_.open(), 5u) << "a refused tunnel is not counted";
  holds_.clear();
  EXPECT_EQ(service_.open(), 0u);
  EXPECT_EQ(service_.sources()->openOf(SourceKey::of(SocketAddress::ipv4(0x0a000004, 5))), 0u);
}

TEST_F(TunnelLimitsTest, AReloadThatSetsMaxTunnelsCountsThoseThatAreOpen) {
  EXPECT_EQ(enter(service_), "");
  service_.setLimits({.maxTunnels = 1});
  EXPECT_EQ(enter(service_), "max-tunnels");
  holds_.clear();
  EXPECT_EQ(enter(service_), "");
}

TEST_F(TunnelLimitsTest, AHoldOutlivesTheLimitThatCountedIt) {
  service_.setLimits({.maxTunnelsPerSource = 1});
  EXPECT_EQ(enter(service_), "");
  service_.setLimits({});
  EXPECT_EQ(enter(service_), "");
  service_.setLimits({.maxTunnelsPerSource = 1});
  EXPECT_EQ(enter(service_), "max-tunnels-per-source");
  holds_.clear();
  EXPECT_EQ(service_.sources()->size(), 0u);
  EXPECT_EQ(enter(service_), "");
}

TEST_F(TunnelLimitsTest, TheProcessCountsSourcesOnly) {
  EXPECT_EQ(enter(process_), "");
  EXPECT_FALSE(holds_.front());
  EXPECT_EQ(process_.open(), 0u);
  process_.setLimits({.maxTunnelsPerSource = 1});
  EXPECT_EQ(enter(process_), "");
  EXPECT_TRUE(holds_.back());
  EXPECT_EQ(enter(process_), "max-tunnels-per-source");
  EXPECT_EQ(process_.open(), 0u);
}

TEST_F(TunnelLimitsTest, ATunnelThatIsTakenBackReturnsPlaceAndToken) {
  service_.setLimits({.maxTunnels = 1, .tunnelRate = 1});
  EXPECT_EQ(enter(service_), "");
  holds_.back().takeBack();
  EXPECT_FALSE(holds_.back());
  EXPECT_EQ(service_.open(), 0u);
  EXPECT_EQ(enter(service_), "");
}

TEST_F(TunnelLimitsTest, ARefusalByTheSourceReturnsThePlace) {
  service_.setLimits({.maxTunnels = 10, .maxTunnelsPerSource = 1});
  EXPECT_EQ(enter(service_), "");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(enter(service_), "max-tunnels-per-source");
  EXPECT_EQ(service_.open(), 1u);
}

TEST_F(TunnelLimitsTest, APlaceTakenAheadIsUsedByTheTunnel) {
  service_.setLimits({.maxTunnels = 1, .maxTunnelsPerSource = 1});
  LimitHold place = service_.takePlace();
  ASSERT_TRUE(place);
  EXPECT_FALSE(service_.takePlace());
  EXPECT_EQ(enter(service_), "max-tunnels");
  const SocketAddress client = SocketAddress::ipv4(0x0a000001, 5);
  auto entered = service_.enter(client, now_, std::move(place));
  ASSERT_TRUE(entered);
  EXPECT_EQ(service_.open(), 1u);
  EXPECT_EQ(service_.sources()->openOf(SourceKey::of(client)), 1u);
  entered->release();
  EXPECT_EQ(service_.open(), 0u);
}

TEST_F(TunnelLimitsTest, ARefusalReturnsThePlaceTakenAhead) {
  service_.setLimits({.maxTunnelsPerSource = 1});
  EXPECT_EQ(enter(service_), "");
  EXPECT_FALSE(service_.enter(SocketAddress::ipv4(0x0a000001, 5), now_, service_.takePlace()));
  EXPECT_EQ(service_.open(), 1u);
}

TEST_F(TunnelLimitsTest, AReturnedPlaceWakesTheListenerOnce) {
  int woken = 0;
  service_.setWake([&] { ++woken; });
  service_.setLimits({.maxTunnels = 2});
  EXPECT_EQ(enter(service_), "");
  EXPECT_EQ(enter(service_), "");
  service_.beginWaiting();
  EXPECT_TRUE(service_.full());
  holds_.pop_back();
  holds_.pop_back();
  EXPECT_EQ(woken, 1);
  EXPECT_FALSE(service_.full());
}

TEST_F(TunnelLimitsTest, ThreadsNeverExceedMaxTunnels) {
  service_.setLimits({.maxTunnels = 5});
  std::atomic<size_t> inside{0};
  std::atomic<size_t> most{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 3000; ++i) {
        auto one = service_.enter(SocketAddress::ipv4(1, 1), now_);
        auto two = service_.enter(SocketAddress::ipv4(2, 1), now_);
        const size_t mine = (one ? 1u : 0u) + (two ? 1u : 0u);
        const size_t all = inside.fetch_add(mine) + mine;
        size_t before = most.load();
        while (all > before && !most.compare_exchange_weak(before, all)) {
        }
        inside.fetch_sub(mine);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_LE(most.load(), 5u);
  EXPECT_EQ(service_.open(), 0u);
}

}  // namespace
}  // namespace culvert
