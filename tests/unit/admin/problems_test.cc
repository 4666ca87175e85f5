// SPDX-License-Identifier: GPL-3.0-or-later
// What counts as a problem, and when culvert is ready.
#include "admin/problems.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

class ProblemsTest : public ::testing::Test {
 protected:
  ProblemsTest() { add("web"); }

  void add(const std::string& name, size_t backends = 1) {
    auto profile = std::make_shared<ServiceProfile>();
    profile->name = profile->connect.service = name;
    std::vector<PoolTarget> targets;
    for (size_t i = 0; i < backends; ++i)
      targets.push_back(
          {std::make_shared<BackendTarget>(SocketAddress::ipv4(0x7f000001, port_++))});
    PoolOptions options;
    options.checked = true;
    options.health = {.rise = 1, .fall = 1};
    profile->connect.pool = std::make_shared<BackendPool>(options, std::move(targets));
    auto service = std::make_shared<Service>();
    service->profile = profile;
    view_.runtime.services.push_back({.service = service, .certificates = {}, .clientFiles = {}});
    view_.listeners.push_back(
        {.spec = {}, .address = "127.0.0.1:1", .services = {service}, .away = false});
  }
  void fail(size_t service, size_t backend) {
    BackendPool& pool = *view_.runtime.services[service].service->profile->connect.pool;
    pool.probed(pool.addresses()[backend], false, "connection refused", now_);
  }
  std::vector<std::string> texts() {
    std::vector<std::string> all;
    for (const Problem& one : problemsOf(view_, counters_, now_, 0))
      all.push_back((one.error ? "error " : "warning ") + one.service + ": " + one.text);
    return all;
  }

  AdminView view_;
  CounterSnapshot counters_;
  TimePoint now_{std::chrono::seconds(1000)};
  uint16_t port_ = 1;
};

TEST_F(ProblemsTest, ADaemonThatIsWellHasNone) {
  EXPECT_TRUE(readiness(view_).ok);
  EXPECT_TRUE(texts().empty());
}

TEST_F(ProblemsTest, DrainingIsNotReady) {
  view_.draining = true;
  EXPECT_EQ(readiness(view_).why, "draining");
  EXPECT_EQ(texts().size(), 1u);
}

TEST_F(ProblemsTest, AClosedListenerIsNotReady) {
  view_.listeners[0].away = true;
  EXPECT_EQ(readiness(view_).why, "not listening on 127.0.0.1:1: all backends are down");
  EXPECT_EQ(texts()[0], "error web: does not listen on 127.0.0.1:1: all backends are down");
}

TEST_F(ProblemsTest, ReadyNeedsBackendsOnlyIfConfigured) {
  fail(0, 0);
  EXPECT_TRUE(readiness(view_).ok);
  view_.readyNeeds = ReadyNeeds::kBackends;
  EXPECT_EQ(readiness(view_).why, "service web has no backend that is up");
}

TEST_F(ProblemsTest, ErrorsComeFirst) {
  add("half", 2);
  add("dead");
  fail(1, 0);
  fail(2, 0);
  const auto all = texts();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0], "error dead: no backend is up (127.0.0.1:4: connection refused)");
  EXPECT_EQ(all[1], "warning half: 1 of 2 backends are not up (127.0.0.1:2: connection refused)");
}

TEST_F(ProblemsTest, ADrainedServiceIsNotAProblem) {
  view_.drained.insert("web");
  EXPECT_EQ(judgeService(view_, *view_.runtime.services[0].service, now_).condition,
            ServiceState::kDraining);
  EXPECT_TRUE(texts().empty());
}

TEST_F(ProblemsTest, AFailedReloadIsOneUntilTheNext) {
  auto failed = std::make_shared<ReloadReport>();
  failed->errors.push_back({"c.ini", 1, "c.ini:1: error: x"});
  view_.lastReload = failed;
  ASSERT_EQ(texts().size(), 1u);
  EXPECT_NE(texts()[0].find("failed with 1 error; the configuration of"), std::string::npos);
  auto done = std::make_shared<ReloadReport>();
  done->done = true;
  view_.lastReload = done;
  EXPECT_TRUE(texts().empty());
}

TEST_F(ProblemsTest, PausedAcceptingAndLostLinesAreProblems) {
  counters_.set(Counter::kAcceptPaused, 2);
  counters_.set(Counter::kAcceptResumed, 1);
  counters_.set(Counter::kLogLinesDropped, 3);
  const auto all = texts();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0], "error : accepting is paused: a limit is reached, and new clients wait");
  EXPECT_EQ(all[1], "warning : 3 log lines were lost since the start");
}

}  // namespace
}  // namespace culvert
