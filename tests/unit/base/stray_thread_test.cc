// SPDX-License-Identifier: GPL-3.0-or-later
// A thread that returns is joined; one that does not is left behind with its own state.
#include "base/stray_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace culvert {
namespace {

/// What a stuck body waits for; the body and the test own it.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  bool passed = false;

  void pass() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return open; });
    passed = true;
    changed.notify_all();
  }
  void letPass() {
    std::unique_lock lock(mutex);
    open = true;
    changed.notify_all();
    changed.wait(lock, [this] { return passed; });
  }
};

TEST(StrayThread, IsJoinedWhenItReturns) {
  std::atomic<int> ran{0};
  StrayThread thread;
  EXPECT_FALSE(thread.running());
  EXPECT_TRUE(thread.stop()) << "there is none";
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(thread.start(
        "culvert-unit", [&ran] { EXPECT_EQ(ran++ % 2, 0); }, [&ran] { ++ran; }));
    EXPECT_TRUE(thread.running());
    EXPECT_TRUE(thread.stop(Millis(10'000)));
    EXPECT_FALSE(thread.running());
    EXPECT_EQ(ran, 2 * i);
  }
}

TEST(StrayThread, IsLeftBehindWhenItHangs) {
  const auto gate = std::make_shared<Gate>();
  StrayThread thread;
  ASSERT_TRUE(thread.start("culvert-unit", {}, [gate] { gate->pass(); }));
  const TimePoint begin = Clock::now();
  EXPECT_FALSE(thread.stop(Millis(20)));
  EXPECT_GE(Clock::now() - begin, Millis(20));
  EXPECT_FALSE(thread.running());
  gate->letPass();
}

TEST(StrayThread, TheDestructorDoesNotWaitForIt) {
  const auto gate = std::make_shared<Gate>();
  {
    StrayThread thread;
    ASSERT_TRUE(thread.start("culvert-unit", {}, [gate] { gate->pass(); }));
  }
  EXPECT_FALSE(gate->passed);
  gate->letPass();
}

TEST(StrayThread, CanBeStartedAgainAfterOneWasLeftBehind) {
  const auto gate = std::make_shared<Gate>();
  StrayThread thread;
  ASSERT_TRUE(thread.start("culvert-unit", {}, [gate] { gate->pass(); }));
  EXPECT_FALSE(thread.stop(Millis(0)));
  std::atomic<bool> ran{false};
  ASSERT_TRUE(thread.start("culvert-unit", {}, [&ran] { ran = true; }));
  EXPECT_TRUE(thread.stop(Millis(10'000)));
  EXPECT_TRUE(ran);
  gate->letPass();
}

}  // namespace
}  // namespace culvert
