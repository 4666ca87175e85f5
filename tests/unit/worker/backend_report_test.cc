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
    options_.targets.push_back(std::make_shared<BackendTarget>(first_));
  }
  void addSecond() { options_.targets.push_back(std::make_shared<BackendTarget>(second_)); }
  AddressSet all() const { return {first_, second_}; }
  /// The line of the first address's failure.
  LogLine refused() {
    return backendNewsLine(options_, *options_.memory->failed(first_, ECONNREFUSED, all(), now_));
  }
  static std::string field(const LogLine& line, std::string_view key) {
    for (const LogLine::Field& f : line.fields())
      if (f.key == key) return std::string(line.value(f));
    return "(none)";
  }

  const SocketAddress first_ = SocketAddress::ipv4(INADDR_LOOPBACK, 1);
  const SocketAddress second_ = SocketAddress::ipv4(INADDR_LOOPBACK, 2);
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
  options_.memory = std::make_shared<BackendMemory>();
  options_.retry = false;
  EXPECT_EQ(field(refused(), "action"), "closing the tunnels that need it (connect-retry is off)");
  options_.memory = std::make_shared<BackendMemory>();
  addSecond();
  EXPECT_EQ(field(refused(), "action"), "using the other addresses, trying again until it answers");
}

TEST_F(BackendReportTest, ASilentAddressSaysHowLongItWasWaitedFor) {
  const auto news = options_.memory->silent(first_, ETIMEDOUT, Millis(1500), {first_}, now_);
  EXPECT_EQ(field(backendNewsLine(options_, *news), "error"), "no answer for 1s500ms");
}

TEST_F(BackendReportTest, TheReturnSaysHowLongItWasGone) {
  refused();
  const LogLine line =
      backendNewsLine(options_, *options_.memory->answered(first_, now_ + Millis(2500)));
  EXPECT_EQ(line.level(), LogLevel::kNotice);
  EXPECT_EQ(line.message(), "backend answers again");
  EXPECT_EQ(field(line, "failed_for_ms"), "2500.000");
  EXPECT_EQ(field(line, "failures"), "1");
}

TEST_F(BackendReportTest, TheDumpHasEveryAddress) {
  addSecond();
  refused();
  const auto lines = backendStateLines(options_, now_ + Millis(1000));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(field(lines[0], "backend"), "127.0.0.1:1");
  EXPECT_EQ(field(lines[0], "status"), "failing");
  EXPECT_EQ(field(lines[0], "error"), "Connection refused");
  EXPECT_EQ(field(lines[0], "failed_for_ms"), "1000.000");
  EXPECT_EQ(field(lines[1], "status"), "up");
  EXPECT_EQ(field(lines[1], "error"), "(none)");
}

TEST_F(BackendReportTest, TheDumpHasNamesWithoutAnAddress) {
  ResolverOptions resolving;
  Resolver resolver(std::move(resolving));
  AddressSpec spec;
  spec.kind = AddressKind::kHostName;
  spec.host = "backend.example";
  spec.port = 7;
  options_.targets = {resolver.target(spec)};
  const auto lines = backendStateLines(options_, now_);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(field(lines[0], "backend"), "backend.example:7");
  EXPECT_EQ(field(lines[0], "status"), "unresolved");
}

}  // namespace
}  // namespace culvert
