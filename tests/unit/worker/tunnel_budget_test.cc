// SPDX-License-Identifier: GPL-3.0-or-later
// The places of max-tunnels between one acceptor and several workers: the limit holds, and no
// wake-up is lost.
#include "worker/tunnel_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace culvert {
namespace {

TEST(TunnelBudget, CountsPlaces) {
  TunnelBudget budget;
  budget.setLimit(2);
  EXPECT_EQ(budget.limit(), 2u);
  EXPECT_FALSE(budget.full());
  budget.take();
  budget.take();
  EXPECT_TRUE(budget.full());
  EXPECT_EQ(budget.open(), 2u);
  budget.giveBack();
  EXPECT_FALSE(budget.full());
}

TEST(TunnelBudget, RemembersTheMost) {
  TunnelBudget budget;
  budget.setLimit(10);
  for (int i = 0; i < 5; ++i) budget.take();
  for (int i = 0; i < 3; ++i) budget.giveBack();
  EXPECT_EQ(budget.takeMost(), 5u);
  EXPECT_EQ(budget.takeMost(), 2u);  // still open
  budget.take();
  EXPECT_EQ(budget.takeMost(), 3u);
}

TEST(TunnelBudget, WakesOnceAndOnlyWhoWaits) {
  TunnelBudget budget;
  int wakes = 0;
  budget.setWake([&] { ++wakes; });
  budget.setLimit(3);
  for (int i = 0; i < 3; ++i) budget.take();
  budget.giveBack();
  EXPECT_EQ(wakes, 0);
  budget.take();
  budget.beginWaiting();
  budget.giveBack();
  budget.giveBack();
  EXPECT_EQ(wakes, 1);
}

TEST(TunnelBudget, ALowerLimitHoldsNewOnesBack) {
  TunnelBudget budget;
  budget.setLimit(10);
  for (int i = 0; i < 5; ++i) budget.take();
  budget.setLimit(3);
  EXPECT_TRUE(budget.full());
  budget.giveBack();
  budget.giveBack();
  EXPECT_TRUE(budget.full());
  budget.giveBack();
  EXPECT_FALSE(budget.full());
}

TEST(TunnelBudget, KnowsWhenPlacesAreScarce) {
  TunnelBudget budget;
  budget.setLimit(16);
  EXPECT_EQ(budget.reserve(), 2u);
  for (int i = 0; i < 13; ++i) budget.take();
  EXPECT_FALSE(budget.scarce());
  budget.take();
  EXPECT_TRUE(budget.scarce()) << "the reserve alone is left";
  EXPECT_EQ(budget.excess(), 1u);
  budget.take();
  budget.take();
  EXPECT_EQ(budget.excess(), 3u);
  budget.setLimit(1);
  EXPECT_EQ(budget.reserve(), 0u) << "few places leave none to keep";
  budget.setLimit(1'000'000);
  EXPECT_LE(budget.reserve(), 256u) << "nor do many ask for thousands";
}

TEST(TunnelBudget, GivesOutWhatWasAskedFor) {
  TunnelBudget budget;
  EXPECT_FALSE(budget.takeAsked());
  budget.ask(2);
  EXPECT_TRUE(budget.takeAsked());
  EXPECT_TRUE(budget.takeAsked());
  EXPECT_FALSE(budget.takeAsked());
}

TEST(TunnelBudget, SpareDescriptorsComeOutOfFreePlaces) {
  TunnelBudget budget;
  int wakes = 0;
  budget.setWake([&] { ++wakes; });
  budget.setLimit(3);
  budget.take();
  budget.take();
  EXPECT_TRUE(budget.takeSpare());
  EXPECT_TRUE(budget.full()) << "half of the third place is taken";
  EXPECT_TRUE(budget.takeSpare());
  EXPECT_FALSE(budget.takeSpare());
  budget.beginWaiting();
  budget.giveSpareBack();
  EXPECT_EQ(wakes, 1);
  budget.giveSpareBack();
  EXPECT_FALSE(budget.full());
  EXPECT_EQ(budget.open(), 2u);
}

/// One thread takes as the acceptor does, three give back as workers do. A lost wake-up would leave
/// the acceptor asleep with places free, and nobody left to wake it.
TEST(TunnelBudget, NoWakeUpIsLost) {
  constexpr size_t kLimit = 4;
  constexpr size_t kTunnels = 30'000;
  TunnelBudget budget;
  budget.setLimit(kLimit);

  std::mutex mutex;
  std::condition_variable changed;
  bool woken = false;     // guarded by mutex
  size_t queued = 0;      // tunnels that a worker may end; guarded by mutex
  bool finished = false;  // guarded by mutex
  std::atomic<size_t> wakes{0};
  budget.setWake([&] {
    ++wakes;
    const std::lock_guard lock(mutex);
    woken = true;
    changed.notify_all();
  });

  std::vector<std::thread> workers;
  for (int i = 0; i < 3; ++i) {
    workers.emplace_back([&] {
      std::unique_lock lock(mutex);
      for (;;) {
        changed.wait(lock, [&] { return queued > 0 || finished; });
        if (queued == 0) return;
        --queued;
        lock.unlock();
        budget.giveBack();
        lock.lock();
      }
    });
  }

  size_t most = 0;
  bool lost = false;
  for (size_t i = 0; i < kTunnels && !lost;) {
    if (budget.full()) {
      budget.beginWaiting();
      if (budget.full()) {
        std::unique_lock lock(mutex);
        lost = !changed.wait_for(lock, std::chrono::seconds(20), [&] { return woken; });
        woken = false;
        continue;
      }
    }
    budget.take();
    ++i;
    most = std::max(most, budget.open());
    const std::lock_guard lock(mutex);
    ++queued;
    changed.notify_all();
  }
  {
    const std::lock_guard lock(mutex);
    finished = true;
    changed.notify_all();
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_FALSE(lost);
  EXPECT_LE(most, kLimit);
  EXPECT_EQ(budget.open(), 0u);
}

}  // namespace
}  // namespace culvert
