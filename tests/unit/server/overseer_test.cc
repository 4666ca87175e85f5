// SPDX-License-Identifier: GPL-3.0-or-later
// What the control thread notices twice a second: a worker that is stuck, memory that a burst has
// left, and news of backends that were held back.
#include "server/overseer.h"

#include <gtest/gtest.h>

#include <future>

#include "unit/server/support/running_parts.h"

namespace culvert {
namespace {

class OverseerTest : public ServerPartsTest {
 protected:
  void SetUp() override {
    write(service("web"));
    running_.emplace(dir_);
    ASSERT_TRUE(running_->ok());
    overseer_.emplace(running_->parts);
  }
  void TearDown() override {
    overseer_.reset();
    running_.reset();
  }
  /// Ticks until `holds`.
  template <class Holds>
  bool tickUntil(Holds holds) {
    return running_->turnUntil([&] {
      overseer_->onTick();
      return holds();
    });
  }
  uint64_t count(Counter counter) const { return running_->counted(counter); }
  LogCapture& log() { return running_->log; }
  ServerParts& parts() { return running_->parts; }

  std::optional<RunningParts> running_;
  std::optional<Overseer> overseer_;
};

TEST_F(OverseerTest, AStuckWorkerIsReportedOnce) {
  std::promise<void> stuck;
  std::promise<void> release;
  parts().workers[0]->drain([&] {  // on the worker's thread, in a turn of its loop
    stuck.set_value();
    release.get_future().wait();
  });
  stuck.get_future().wait();
  const bool reported = tickUntil([&] { return count(Counter::kLateTurns) != 0; });
  for (int i = 0; i < 3; ++i) overseer_->onTick();
  const auto lines =
      log().linesWith({"warning", "worker stuck: event loop turn over 1 s", "worker=culvert-w00"});
  release.set_value();
  EXPECT_TRUE(reported);
  EXPECT_EQ(count(Counter::kLateTurns), 1u);
  ASSERT_EQ(lines.size(), 1u) << log().text();
  const size_t at = lines[0].find("busy_ms=");
  ASSERT_NE(at, std::string::npos) << lines[0];
  EXPECT_GE(std::stoi(lines[0].substr(at + 8)), 1000);
}

TEST_F(OverseerTest, AWorkerThatWaitsIsNotStuck) {
  for (int i = 0; i < 3; ++i) overseer_->onTick();
  EXPECT_EQ(count(Counter::kLateTurns), 0u);
  EXPECT_EQ(log().text(), "");
}

TEST_F(OverseerTest, MemoryIsGivenBackOnceAfterABurst) {
  for (size_t i = 0; i < BurstWatch::kBurst; ++i) parts().budget.take();
  overseer_->onTick();
  for (size_t i = 0; i < BurstWatch::kBurst; ++i) parts().budget.giveBack();
  const TimePoint over = Clock::now();
  ASSERT_TRUE(tickUntil([&] { return count(Counter::kMemoryTrims) != 0; }));
  EXPECT_GE(Clock::now() - over, BurstWatch::kQuiet) << "another burst may follow at once";
  for (int i = 0; i < 3; ++i) overseer_->onTick();
  EXPECT_EQ(count(Counter::kMemoryTrims), 1u);
  EXPECT_EQ(log().count({"debug", "memory returned to the system after a burst", "tunnels=0"}), 1u)
      << log().text();
}

TEST_F(OverseerTest, NewsOfABackendThatLastedAreTold) {
  const auto& options = parts().runtime.services[0].service->profile->connect;
  const SocketAddress address = SocketAddress::ipv4(INADDR_LOOPBACK, 7);
  // It fails and answers so often that the log has had enough, and is down in the end.
  TimePoint now = parts().loop.now() - std::chrono::seconds(60);
  uint64_t told = 0;
  for (int i = 0; i < 5; ++i) {
    told += options.pool->connectFailed(address, ECONNREFUSED, {}, now) ? 1 : 0;
    if (i != 4) told += options.pool->connected(address, now) ? 1 : 0;
  }
  ASSERT_LT(told, 9u) << "nothing was held back";
  overseer_->onTick();
  overseer_->onTick();
  EXPECT_EQ(log().count({"warning", "backend failed", "service=web", "backend=127.0.0.1:7",
                         "changes_not_logged="}),
            1u)
      << log().text();
}

}  // namespace
}  // namespace culvert
