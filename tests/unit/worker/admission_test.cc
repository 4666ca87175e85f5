// SPDX-License-Identifier: GPL-3.0-or-later
// Which rule or limit refuses a client, and what the refusal leaves behind.
#include "worker/admission.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

namespace culvert {
namespace {

class AdmissionTest : public ::testing::Test {
 protected:
  AdmissionTest() {
    profile_->name = "web";
    profile_->limits = std::make_shared<TunnelLimits>(TunnelLimits::Scope::kService);
    service_.profile = profile_;
  }
  tl::expected<TunnelHolds, CloseReason> enter(const SocketAddress& client, LimitHold place = {}) {
    return admit(service_, process_, client, now_, counters_, std::move(place));
  }
  static SocketAddress host(uint32_t number) { return SocketAddress::ipv4(0x0a000000 + number, 9); }

  std::shared_ptr<ServiceProfile> profile_ = std::make_shared<ServiceProfile>();
  Service service_;
  TunnelLimits process_{TunnelLimits::Scope::kProcess};
  CounterBlock counters_;
  TimePoint now_{std::chrono::seconds(1000)};
};

TEST_F(AdmissionTest, TheRulesComeBeforeTheLimits) {
  profile_->sources = SourceRules({}, NetworkSet({*parseNetwork("10.0.0.1", true)}));
  profile_->limits->setLimits({.tunnelRate = 1});
  for (int i = 0; i < 3; ++i) {
    const auto refused = enter(host(1));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().text(), "denied");
  }
  EXPECT_EQ(counters_.get(Counter::kDenied), 3u);
  EXPECT_EQ(counters_.get(Counter::kRejectedLimit), 0u);
  EXPECT_EQ(profile_->limits->open(), 0u);
  EXPECT_TRUE(enter(host(2)));
}

TEST_F(AdmissionTest, TheServicesLimitsComeFirstAndBothCount) {
  profile_->limits->setLimits({.maxTunnelsPerSource = 2});
  process_.setLimits({.maxTunnelsPerSource = 1});
  auto first = enter(host(1));
  ASSERT_TRUE(first);
  const auto second = enter(host(1));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().text(), "limit:max-tunnels-per-source");
  EXPECT_EQ(second.error().detail, "over all services");
  EXPECT_EQ(profile_->limits->open(), 1u)
      << "the service counts no tunnel that another limit refused";
  process_.setLimits({.maxTunnelsPerSource = 9});
  auto third = enter(host(1));
  ASSERT_TRUE(third);
  const auto fourth = enter(host(1));
  ASSERT_FALSE(fourth);
  EXPECT_EQ(fourth.error().detail, "of the service");
  EXPECT_EQ(counters_.get(Counter::kLimitMaxTunnelsPerSource), 2u);
  EXPECT_EQ(counters_.get(Counter::kRejectedLimit), 2u);
}

TEST_F(AdmissionTest, ARefusalByTheProcessReturnsTheServicesToken) {
  profile_->limits->setLimits({.tunnelRate = 1});
  process_.setLimits({.maxTunnelsPerSource = 1});
  ASSERT_TRUE(process_.enter(host(1), now_).has_value());  // its hold ends at once
  auto elsewhere = process_.enter(host(1), now_);
  ASSERT_TRUE(elsewhere);
  EXPECT_EQ(enter(host(1)).error().text(), "limit:max-tunnels-per-source");
  elsewhere->release();
  EXPECT_TRUE(enter(host(1))) << "the token of tunnel-rate is still there";
  EXPECT_EQ(enter(host(1)).error().text(), "limit:tunnel-rate");
}

TEST_F(AdmissionTest, EachLimitHasItsCounter) {
  profile_->limits->setLimits({.maxTunnels = 1, .tunnelRate = 2});
  auto only = enter(host(1));
  ASSERT_TRUE(only);
  EXPECT_EQ(enter(host(1)).error().text(), "limit:max-tunnels");
  only->service.release();
  EXPECT_TRUE(enter(host(1)));
  EXPECT_EQ(enter(host(1)).error().text(), "limit:tunnel-rate");
  EXPECT_EQ(counters_.get(Counter::kLimitMaxTunnels), 1u);
  EXPECT_EQ(counters_.get(Counter::kLimitTunnelRate), 1u);
}

TEST_F(AdmissionTest, AReservedPlaceCountsOnce) {
  profile_->limits->setLimits({.maxTunnels = 1});
  LimitHold place = profile_->limits->takePlace();
  ASSERT_TRUE(place);
  EXPECT_FALSE(profile_->limits->takePlace());
  auto entered = enter(host(1), std::move(place));
  ASSERT_TRUE(entered);
  EXPECT_EQ(profile_->limits->open(), 1u);
  EXPECT_EQ(enter(host(2)).error().text(), "limit:max-tunnels");
  entered->service.release();
  EXPECT_EQ(profile_->limits->open(), 0u);
}

/// A reload can give the listener to another service while a connection is on its way.
TEST_F(AdmissionTest, APlaceOfAnotherServiceIsReturned) {
  TunnelLimits other(TunnelLimits::Scope::kService);
  other.setLimits({.maxTunnels = 1});
  auto entered = enter(host(1), other.takePlace());
  ASSERT_TRUE(entered);
  EXPECT_EQ(other.open(), 0u);
  EXPECT_EQ(profile_->limits->open(), 1u);
}

TEST_F(AdmissionTest, ARefusalReturnsTheReservedPlace) {
  profile_->limits->setLimits({.maxTunnels = 1, .tunnelRate = 1});
  ASSERT_TRUE(enter(host(1), profile_->limits->takePlace()));
  EXPECT_EQ(enter(host(1), profile_->limits->takePlace()).error().text(), "limit:tunnel-rate");
  EXPECT_EQ(profile_->limits->open(), 0u);
}

TEST_F(AdmissionTest, WithoutABackendTheServiceMayRefuse) {
  const SocketAddress backend = host(99);
  profile_->connect.pool = std::make_shared<BackendPool>(
      PoolOptions{}, std::vector<PoolTarget>{{std::make_shared<BackendTarget>(backend), 1}});
  (void)profile_->connect.pool->connectFailed(backend, ECONNREFUSED, {backend}, now_);
  ASSERT_TRUE(service_.backendsDown());
  EXPECT_TRUE(enter(host(1)));
  service_.whenDown = WhenDown::kReject;
  EXPECT_EQ(enter(host(1)).error().text(), "backend-ejected");
}

}  // namespace
}  // namespace culvert
