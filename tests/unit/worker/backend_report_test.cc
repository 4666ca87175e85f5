// SPDX-License-Identifier: GPL-3.0-or-later
// The words that the log has for backends.
#include "worker/backend_report.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace culvert {
namespace {

class BackendReportTest : public testing::Test {
 protected:
  BackendReportTest() {
    options_.service = "main";
    use({{std::make_shared<BackendTarget>(first_)}});
  }
  void use(std::vector<PoolTarget> targets) {
    options_.pool = std::make_shared<BackendPool>(poolOptions_, std::move(targets));
  }
  void useBoth() {
    use({{std::make_shared<BackendTarget>(first_), 3}, {std::make_shared<BackendTarget>(second_)}});
  }
  AddressSet all() const { return {first_, second_}; }
  /// The line of the first address's failure.
  LogLine refused() {
    return backendNewsLine(options_,
                           *options_.pool->connectFailed(first_, ECONNREFUSED, all(), now_));
  }
  static std::string field(const LogLine& line, std::string_view key) {
    for (const LogLine::Field& f : line.fields())
      if (f.key == key) return std::string(line.value(f));
    return "(none)";
  }

  const SocketAddress first_ = SocketAddress::ipv4(INADDR_LOOPBACK, 1);
  const SocketAddress second_ = SocketAddress::ipv4(INADDR_LOOPBACK, 2);
  PoolOptions poolOptions_;
  ConnectorOptions options_;
  TimePoint now_ = TimePoint{} + std::chrono::hours(1);
};

TEST_F(BackendReportTest, AFailureNamesTheAddressTheErrorAndWhatIsDone) {
  const LogLine line = refused();
  EXPECT_EQ(line.level(), LogLevel::kWarning);
  EXPECT_EQ(line.message(), "backend failed");
  EXPECT_EQ(field(line, "service"), "main");
  EXPECT_EQ(field(line, "backend"), "127.0.0.1:1");
  EXPECT_EQ(field(line, "error"), "Connection refused");
  EXPECT_EQ(field(line, "action"), "trying again until connect-timeout (10s) expires");
}

TEST_F(BackendReportTest, WhatIsDoneDependsOnTheService) {
  options_.connectTimeout = Millis(0);
  EXPECT_EQ(field(refused(), "action"), "trying again until it answers");
  use({{std::make_shared<BackendTarget>(first_)}});
  options_.retry = false;
  EXPECT_EQ(field(refused(), "action"), "closing the tunnels that need it (connect-retry is off)");
  useBoth();
  EXPECT_EQ(field(refused(), "action"), "using the other addresses, trying again until it answers");
}

TEST_F(BackendReportTest, ASilentAddressSaysHowLongItWasWaitedFor) {
  const auto news = options_.pool->connectSilent(first_, ETIMEDOUT, Millis(1500), {first_}, now_);
  EXPECT_EQ(field(backendNewsLine(options_, *news), "error"), "no answer for 1s500ms");
}

TEST_F(BackendReportTest, TheReturnSaysHowLongItWasGone) {
  refused();
  const LogLine line =
      backendNewsLine(options_, *options_.pool->connected(first_, now_ + Millis(2500)));
  EXPECT_EQ(line.level(), LogLevel::kNotice);
  EXPECT_EQ(line.message(), "backend answers again");
  EXPECT_EQ(field(line, "failed_for_ms"), "2500.000");
  EXPECT_EQ(field(line, "failures"), "1");
}

TEST_F(BackendReportTest, TheDumpHasEveryAddress) {
  useBoth();
  refused();
  const auto lines = backendStateLines(options_, now_ + Millis(1000));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(field(lines[0], "backend"), "127.0.0.1:1");
  EXPECT_EQ(field(lines[0], "status"), "failing");
  EXPECT_EQ(field(lines[0], "error"), "Connection refused");
  EXPECT_EQ(field(lines[0], "failed_for_ms"), "1000.000");
  EXPECT_EQ(field(lines[1], "status"), "up");
  EXPECT_EQ(field(lines[1], "error"), "(none)");
  EXPECT_EQ(field(lines[0], "weight"), "3");
  EXPECT_EQ(field(lines[0], "tunnels"), "0");
  EXPECT_EQ(field(lines[0], "check"), "(none)");
}

TEST_F(BackendReportTest, TheDumpHasNamesWithoutAnAddress) {
  ResolverOptions resolving;
  Resolver resolver(std::move(resolving));
  AddressSpec spec;
  spec.kind = AddressKind::kHostName;
  spec.host = "backend.example";
  spec.port = 7;
  use({{resolver.target(spec)}});
  const auto lines = backendStateLines(options_, now_);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(field(lines[0], "backend"), "backend.example:7");
  EXPECT_EQ(field(lines[0], "status"), "unresolved");
}

TEST_F(BackendReportTest, TheDumpHasChecksTunnelsAndEjections) {
  poolOptions_.checked = true;
  poolOptions_.health = {2, 1};
  poolOptions_.ejection = {1, Millis(5000)};
  useBoth();
  const auto hold = options_.pool->take(first_);
  options_.pool->probed(first_, false, "wrong answer", now_);
  options_.pool->tunnelFailed(second_, "Connection refused", now_);
  const auto lines = backendStateLines(options_, now_ + Millis(1000));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(field(lines[0], "status"), "down");
  EXPECT_EQ(field(lines[0], "tunnels"), "1");
  EXPECT_EQ(field(lines[0], "check"), "down");
  EXPECT_EQ(field(lines[0], "check_error"), "wrong answer");
  EXPECT_EQ(field(lines[0], "down_for_ms"), "1000.000");
  EXPECT_EQ(field(lines[1], "status"), "ejected");
  EXPECT_EQ(field(lines[1], "check"), "unknown");
  EXPECT_EQ(field(lines[1], "ejected_left_ms"), "4000.000");
}

TEST_F(BackendReportTest, AnEjectionAndItsEndAreLines) {
  poolOptions_.ejection = {1, Millis(5000)};
  useBoth();
  const auto verdict = options_.pool->tunnelFailed(first_, "Connection refused", now_);
  ASSERT_EQ(verdict.news.size(), 1u);
  const LogLine out = poolNewsLine(options_, verdict.news[0]);
  EXPECT_EQ(out.level(), LogLevel::kWarning);
  EXPECT_EQ(out.message(), "backend ejected: tunnels to it fail");
  EXPECT_EQ(field(out, "service"), "main");
  EXPECT_EQ(field(out, "backend"), "127.0.0.1:1");
  EXPECT_EQ(field(out, "error"), "Connection refused");
  EXPECT_EQ(field(out, "failures"), "1");
  EXPECT_EQ(field(out, "eject_time"), "5s");
  const auto lines = backendEventLines(options_, options_.pool->overdue(now_ + Millis(5100)));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].level(), LogLevel::kNotice);
  EXPECT_EQ(lines[0].message(), "backend returns from ejection");
  EXPECT_EQ(field(lines[0], "ejected_for_ms"), "5000.000");
}

TEST_F(BackendReportTest, ACheckThatFailsAndSucceedsIsTwoLines) {
  poolOptions_.checked = true;
  poolOptions_.health = {1, 1};
  useBoth();
  auto lines =
      backendEventLines(options_, options_.pool->probed(first_, false, "+PONG is missing", now_));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].message(), "backend is down: its checks fail");
  EXPECT_EQ(field(lines[0], "error"), "+PONG is missing");
  EXPECT_EQ(field(lines[0], "failures"), "1");
  lines = backendEventLines(options_, options_.pool->probed(first_, true, "", now_ + Millis(1500)));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].message(), "backend is up again: its checks succeed");
  EXPECT_EQ(field(lines[0], "down_for_ms"), "1500.000");
}

}  // namespace
}  // namespace culvert
