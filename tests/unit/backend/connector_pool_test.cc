// SPDX-License-Identifier: GPL-3.0-or-later
// Connector and the pool of addresses: places, full addresses, ejections, checks.
#include <gtest/gtest.h>

#include "unit/backend/support/connector_fixture.h"

namespace culvert {
namespace {

TEST_F(ConnectorTest, AConnectionHoldsAPlaceUntilItIsClosed) {
  const UniqueFd listener = listenAnywhere();
  target(boundAddress(listener.get()));
  dial();
  wait();
  EXPECT_EQ(pool().report(loop_.now()).front().open, 1u);
  holds_.clear();
  EXPECT_EQ(pool().report(loop_.now()).front().open, 0u);
}

TEST_F(ConnectorTest, AFailedAttemptHoldsNoPlace) {
  options_.retry = false;
  target(refusing());
  dial();
  wait();
  EXPECT_EQ(pool().report(loop_.now()).front().open, 0u);
}

TEST_F(ConnectorTest, AFullAddressIsSkipped) {
  poolOptions_.maxTunnels = 1;
  const UniqueFd first = listenAnywhere();
  const UniqueFd second = listenAnywhere();
  target(boundAddress(first.get()));
  target(boundAddress(second.get()));
  dial();
  wait();
  EXPECT_EQ(outcome_.address, boundAddress(first.get()));
  outcome_ = {};
  dial();
  wait();
  EXPECT_EQ(outcome_.address, boundAddress(second.get()));
  EXPECT_EQ(counters_.get(Counter::kBackendConnectsFailed), 0u);
}

TEST_F(ConnectorTest, WithoutAPlaceItWaitsUntilTheTimeIsUp) {
  poolOptions_.maxTunnels = 1;
  options_.connectTimeout = Millis(150);
  options_.retry = false;  // to wait for a place is not a retry
  const UniqueFd listener = listenAnywhere();
  target(boundAddress(listener.get()));
  dial();
  wait();
  outcome_ = {};
  const TimePoint start = Clock::now();
  dial();
  EXPECT_EQ(outcome_.calls, 0);
  wait();
  ASSERT_TRUE(outcome_.failure);
  EXPECT_EQ(outcome_.failure->text(), "limit:backend-max-tunnels");
  EXPECT_EQ(outcome_.failure->detail, "1 of 1 addresses have 1 open tunnels");
  EXPECT_GE(Clock::now() - start, Millis(150));
  EXPECT_EQ(counters_.get(Counter::kBackendConnectsRetried), 0u);
  EXPECT_TRUE(host_.poolNews.empty()) << "a full address has not failed";
}

TEST_F(ConnectorTest, AReturnedPlaceWakesTheOldestThatWaits) {
  poolOptions_.maxTunnels = 1;
  options_.connectTimeout = Millis(0);
  const UniqueFd listener = listenAnywhere();
  target(boundAddress(listener.get()));
  dial();
  wait();
  outcome_ = {};
  dial();
  Outcome later;
  const auto other = dialAs(later);
  pass(Millis(30));
  EXPECT_EQ(outcome_.calls + later.calls, 0);
  holds_.clear();
  Connector::placeFree(context_, pool());
  wait();
  EXPECT_TRUE(outcome_.stream);
  EXPECT_EQ(later.calls, 0) << "the one place is taken again";
}

/// Another worker may have returned the place, which wakes nobody here.
TEST_F(ConnectorTest, APlaceIsFoundWithoutBeingWoken) {
  poolOptions_.maxTunnels = 1;
  options_.connectTimeout = Millis(0);
  const UniqueFd listener = listenAnywhere();
  target(boundAddress(listener.get()));
  dial();
  wait();
  outcome_ = {};
  dial();
  pass(Millis(20));
  holds_.clear();
  wait();
  EXPECT_TRUE(outcome_.stream);
}

TEST_F(ConnectorTest, FailuresInARowEjectAnAddressWhichIsThenTriedLast) {
  poolOptions_.ejection = {2, Millis(60'000)};
  const UniqueFd listener = listenAnywhere();
  const SocketAddress dead = refusing();
  target(dead);
  target(boundAddress(listener.get()));
  for (int i = 0; i < 5; ++i) {
    outcome_ = {};
    dial();
    wait();
    ASSERT_TRUE(outcome_.stream);
  }
  EXPECT_EQ(counters_.get(Counter::kBackendConnectsFailed), 2u) << "then it was not tried";
  EXPECT_EQ(counters_.get(Counter::kBackendEjections), 1u);
  ASSERT_EQ(host_.poolNews.size(), 1u);
  EXPECT_EQ(host_.poolNews[0].event, PoolEvent::kEjected);
  EXPECT_EQ(host_.poolNews[0].address, dead);
  EXPECT_EQ(host_.poolNews[0].failures, 2u);
  EXPECT_EQ(host_.poolNews[0].why, "Connection refused");
}

TEST_F(ConnectorTest, OneTunnelCountsOnceHoweverOftenItTries) {
  poolOptions_.ejection = {2, Millis(60'000)};
  options_.connectTimeout = Millis(400);
  target(refusing());
  target(refusing());
  dial();
  wait();
  ASSERT_TRUE(outcome_.failure);
  EXPECT_GE(counters_.get(Counter::kBackendConnectsFailed), 4u);
  EXPECT_EQ(counters_.get(Counter::kBackendEjections), 0u);
}

TEST_F(ConnectorTest, AnAddressThatIsDownByChecksIsStillTriedLast) {
  poolOptions_.checked = true;
  poolOptions_.health = {1, 1};
  const UniqueFd listener = listenAnywhere();
  const SocketAddress checked = boundAddress(listener.get());
  target(checked);
  target(refusing());
  pool().probed(checked, false, "no answer", loop_.now());
  dial();
  wait();
  ASSERT_TRUE(outcome_.stream);
  EXPECT_EQ(counters_.get(Counter::kBackendConnectsFailed), 1u) << "the other one came first";
}

}  // namespace
}  // namespace culvert
