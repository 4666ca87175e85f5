// SPDX-License-Identifier: GPL-3.0-or-later
// The end of the daemon: it waits for its tunnels, but not for ever, and a second signal is enough.
#include "server/drain.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "unit/server/support/running_parts.h"

namespace culvert {
namespace {

namespace fs = std::filesystem;

class DrainTest : public ServerPartsTest {
 protected:
  /// With this drain-timeout.
  void start(const std::string& timeout, const std::string& listen = "127.0.0.1:0") {
    write("[global]\ndrain-timeout = " + timeout + "\n" + service("web", "", listen));
    running_.emplace(dir_);
    ASSERT_TRUE(running_->ok());
    drain_.emplace(running_->parts);
    address_ = running_->address();
  }
  void TearDown() override {
    drain_.reset();
    running_.reset();
  }
  LogCapture& log() { return running_->log; }
  size_t open() const { return running_->parts.budget.open(); }
  uint64_t cutTunnels() const {
    return running_->parts.registry.snapshot().cause(static_cast<size_t>(CloseCause::kDrain));
  }

  std::optional<RunningParts> running_;
  std::optional<Drain> drain_;
  std::string address_;
};

TEST_F(DrainTest, WithoutTunnelsItEndsAtOnce) {
  start("off");
  EXPECT_FALSE(drain_->begun());
  drain_->onSignal();
  EXPECT_TRUE(drain_->begun());
  EXPECT_TRUE(running_->runUntilStopped());
  EXPECT_EQ(drain_->cut(), 0u);
  EXPECT_EQ(
      log().count({"notice", "draining: no new connections", "tunnels=0", "drain_timeout=off"}), 1u)
      << log().text();
  EXPECT_EQ(log().count({"cutting"}), 0u) << log().text();
}

TEST_F(DrainTest, NobodyIsAcceptedAnyMore) {
  start("off");
  ASSERT_TRUE(RunningParts::connect(address_));
  drain_->onSignal();
  EXPECT_FALSE(RunningParts::connect(address_));
}

TEST_F(DrainTest, ItWaitsForItsTunnels) {
  start("off");
  auto clients = running_->openTunnels(2);
  drain_->onSignal();
  bool gone = false;
  struct Leave {
    std::vector<UniqueFd>& clients;
    bool& gone;
    void now() {
      clients.clear();
      gone = true;
    }
  } leave{clients, gone};
  Timer timer(running_->parts.loop, &leave, call<&Leave::now>);
  timer.armBy(Clock::now() + Millis(100));
  EXPECT_TRUE(running_->runUntilStopped());
  EXPECT_TRUE(gone) << "it did not wait";
  EXPECT_EQ(drain_->cut(), 0u);
  EXPECT_EQ(cutTunnels(), 0u);
}

TEST_F(DrainTest, ASecondSignalCuts) {
  start("off");
  const auto clients = running_->openTunnels(2);
  drain_->onSignal();
  drain_->onSignal();
  EXPECT_TRUE(running_->runUntilStopped());
  EXPECT_EQ(drain_->cut(), 2u);
  EXPECT_EQ(cutTunnels(), 2u);
  for (const UniqueFd& client : clients) {
    const Received got = receiveAll(client.get());
    EXPECT_TRUE(got.ended || got.error == ECONNRESET) << got.error;
  }
  EXPECT_EQ(log().count({"warning", "cutting the remaining tunnels", "reason=\"second signal\"",
                         "tunnels=2"}),
            1u)
      << log().text();
}

TEST_F(DrainTest, ASecondSignalWithNothingToCutSaysNothing) {
  start("off");
  drain_->onSignal();
  drain_->onSignal();
  EXPECT_TRUE(running_->runUntilStopped());
  EXPECT_EQ(drain_->cut(), 0u);
  EXPECT_EQ(log().count({"cutting"}), 0u) << log().text();
}

TEST_F(DrainTest, TheTimeoutCutsAndCounts) {
  start("50ms");
  const auto clients = running_->openTunnels(3);
  drain_->onSignal();
  EXPECT_TRUE(running_->runUntilStopped());
  EXPECT_EQ(drain_->cut(), 3u);
  EXPECT_EQ(cutTunnels(), 3u);
  EXPECT_EQ(log().count({"draining: no new connections", "tunnels=3", "drain_timeout_ms=50"}), 1u)
      << log().text();
  EXPECT_EQ(log().count(
                {"cutting the remaining tunnels", "reason=\"drain-timeout expired\"", "tunnels=3"}),
            1u)
      << log().text();
}

TEST_F(DrainTest, SocketFilesAreRemoved) {
  start("off", "unix:" + dir_ / "one" + "\nlisten = unix:" + dir_ / "two");
  ASSERT_TRUE(fs::exists(dir_ / "one"));
  drain_->onSignal();
  EXPECT_FALSE(fs::exists(dir_ / "one"));
  EXPECT_FALSE(fs::exists(dir_ / "two"));
}

TEST_F(DrainTest, TicksAloneBeginNothing) {
  start("off");
  drain_->onTick();
  EXPECT_FALSE(drain_->begun());
  EXPECT_TRUE(RunningParts::connect(address_));
  drain_->onSignal();
  drain_->onTick();
  EXPECT_EQ(log().count({"draining"}), 1u) << log().text();
}

TEST_F(DrainTest, FinishEndsTheWorkersWithWhatIsLeft) {
  start("off");
  const auto clients = running_->openTunnels(2);
  drain_->onSignal();
  EXPECT_EQ(open(), 2u);
  drain_->finish();
  running_->workersJoined = true;
  EXPECT_EQ(open(), 0u);
  EXPECT_EQ(cutTunnels(), 2u);
}

}  // namespace
}  // namespace culvert
