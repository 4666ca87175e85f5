// SPDX-License-Identifier: GPL-3.0-or-later
// The lines of USR2 and of the end: workers, listeners, backends, staples, counters.
#include "server/state_dump.h"

#include <gtest/gtest.h>

#include "unit/server/support/running_parts.h"

namespace culvert {
namespace {

class StateDumpTest : public ServerPartsTest {
 protected:
  void start(const std::string& text) {
    write(text);
    running_.emplace(dir_);
    ASSERT_TRUE(running_->ok());
  }
  void TearDown() override { running_.reset(); }
  /// The lines of one dump.
  LogCapture& dump(bool draining = false) {
    running_->log.clear();
    dumpState(running_->parts, draining);
    return running_->log;
  }

  std::optional<RunningParts> running_;
};

TEST_F(StateDumpTest, EverythingThatRunsHasItsLine) {
  start(service("web") + service("mail", "backend = 127.0.0.1:8\n"));
  const auto clients = running_->openTunnels(2);
  LogCapture& log = dump();
  EXPECT_EQ(log.count({"notice", "state", "worker=culvert-w00", "tunnels=2"}), 1u) << log.text();
  EXPECT_EQ(log.count({"state", "service=web", "listening=" + running_->address(0)}), 1u);
  EXPECT_EQ(log.count({"state", "service=mail", "listening=" + running_->address(1)}), 1u);
  EXPECT_EQ(log.count({"state", "service=web", "backend=127.0.0.1:7", "status=up"}), 1u)
      << log.text();
  EXPECT_EQ(log.count({"state", "service=mail", "backend=127.0.0.1:7"}), 1u);
  EXPECT_EQ(log.count({"state", "service=mail", "backend=127.0.0.1:8"}), 1u);
  EXPECT_EQ(log.count({"notice", "counters"}), 1u);
}

TEST_F(StateDumpTest, WhileDrainingNothingListens) {
  start(service("web"));
  LogCapture& log = dump(true);
  EXPECT_EQ(log.count({"listening="}), 0u) << log.text();
  EXPECT_EQ(log.count({"state", "worker="}), 1u);
  EXPECT_EQ(log.count({"state", "backend="}), 1u);
}

TEST_F(StateDumpTest, TheCountersAreOneLineOfAllThreads) {
  start(service("web"));
  const auto clients = running_->openTunnels(3);
  running_->parts.counters.add(Counter::kReloadsOk, 5);
  LogCapture& log = dump();
  EXPECT_EQ(log.count({"counters", "accepted=3", "reloads_ok=5", "certificates=1",
                       "certificates_invalid=0", "ocsp_responses_held=0"}),
            1u)
      << log.text();
}

TEST_F(StateDumpTest, WhatTheLogHasWrittenAndHeldBackIsCounted) {
  start(service("web"));
  for (int i = 0; i < 4; ++i) running_->parts.logger.log(LogLevel::kNotice, "x");
  const LogCounts counts = running_->parts.logger.counts();
  EXPECT_GE(counts.written, 4u);
  const auto lines = dump().linesWith({"counters"});
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("log_lines_written=" + std::to_string(counts.written)), std::string::npos)
      << lines[0];
}

TEST_F(StateDumpTest, AnAddressThatFailsIsShown) {
  start(service("web"));
  running_->parts.runtime.services[0].service->profile->connect.pool->connectFailed(
      SocketAddress::ipv4(INADDR_LOOPBACK, 7), ECONNREFUSED, {}, running_->parts.loop.now());
  EXPECT_EQ(dump().count({"state", "backend=127.0.0.1:7", "status=failing"}), 1u)
      << running_->log.text();
}

}  // namespace
}  // namespace culvert
