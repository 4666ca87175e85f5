// SPDX-License-Identifier: GPL-3.0-or-later
// Timers: never before their time, lazy when it moves.
#include "event/timer.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "event/callback.h"
#include "event/event_loop.h"

namespace culvert {
namespace {

class TimerTest : public testing::Test {
 protected:
  struct Probe {
    explicit Probe(EventLoop& l) : loop(l), timer(l, this, call<&Probe::onFire>) {}
    void onFire() {
      fired.push_back(Clock::now());
      armedWhenFired = timer.armed();
      if (again.count() != 0) timer.armBy(loop.now() + again);
    }
    EventLoop& loop;
    std::vector<TimePoint> fired;
    Millis again{0};
    bool armedWhenFired = true;
    Timer timer;  // after what its callback touches
  };

  /// Runs the loop until the probe has fired `times` times.
  void runUntilFired(const Probe& probe, size_t times, Millis limit = Millis(5000)) {
    const TimePoint deadline = Clock::now() + limit;
    while (probe.fired.size() < times && Clock::now() < deadline) loop_.turn(true);
    ASSERT_EQ(probe.fired.size(), times);
  }

  EventLoop loop_;
};

TEST_F(TimerTest, FiresOnceAndNotBeforeItsTime) {
  Probe probe(loop_);
  EXPECT_FALSE(probe.timer.armed());
  const TimePoint due = loop_.now() + Millis(20);
  probe.timer.armBy(due);
  EXPECT_TRUE(probe.timer.armed());
  runUntilFired(probe, 1);
  EXPECT_GE(probe.fired[0], due);
  EXPECT_FALSE(probe.armedWhenFired);
  EXPECT_FALSE(probe.timer.armed());
}

/// libevent's clock has coarse ticks: whoever asks for a point in time may rely on its being past
/// all the same.
TEST_F(TimerTest, NeverFiresEarly) {
  for (int i = 0; i < 100; ++i) {
    Probe probe(loop_);
    const TimePoint due = loop_.now() + Millis(1 + i % 7);
    probe.timer.armBy(due);
    while (probe.fired.empty()) loop_.turn(false);  // a busy loop looks at the clock all the time
    ASSERT_GE(probe.fired[0], due)
        << "early by " << std::chrono::duration_cast<Micros>(due - probe.fired[0]).count() << " us";
  }
}

/// The time that was read between two turns does not stay: armed before the first one, a timer
/// fires in the turn that waited for it.
TEST_F(TimerTest, ArmedBeforeTheFirstTurnItFiresInIt) {
  Probe probe(loop_);
  probe.timer.armBy(loop_.now() + Millis(40));
  for (int turns = 0; probe.fired.empty() && turns < 2; ++turns) loop_.turn(true);
  EXPECT_EQ(probe.fired.size(), 1u);
}

TEST_F(TimerTest, ALoopThatWaitsIsNotBusy) {
  Probe probe(loop_);
  probe.timer.armBy(loop_.now() + Millis(10));
  EXPECT_NE(loop_.busySinceMicros(), 0u);
  runUntilFired(probe, 1);
  EXPECT_EQ(loop_.busySinceMicros(), 0u);
}

TEST_F(TimerTest, ALaterTimeChangesNothing) {
  Probe probe(loop_);
  const TimePoint due = loop_.now() + Millis(10);
  probe.timer.armBy(due);
  probe.timer.armBy(due + std::chrono::hours(1));
  runUntilFired(probe, 1);
  EXPECT_LT(probe.fired[0], due + Millis(2000));
}

TEST_F(TimerTest, AnEarlierTimeCounts) {
  Probe probe(loop_);
  const TimePoint due = loop_.now() + Millis(10);
  probe.timer.armBy(due + std::chrono::hours(1));
  probe.timer.armBy(due);
  runUntilFired(probe, 1);
  EXPECT_GE(probe.fired[0], due);
}

TEST_F(TimerTest, IsArmedAgainFromItsCallback) {
  Probe probe(loop_);
  probe.again = Millis(5);
  const TimePoint start = loop_.now();
  probe.timer.armBy(start + Millis(5));
  runUntilFired(probe, 4);
  EXPECT_GE(probe.fired[3], start + Millis(20));
  EXPECT_TRUE(probe.timer.armed());
}

TEST_F(TimerTest, NeverIsNever) {
  Probe probe(loop_);
  probe.timer.armBy(kNever);
  EXPECT_FALSE(probe.timer.armed());
  probe.timer.disarm();
  EXPECT_FALSE(probe.timer.armed());
}

TEST_F(TimerTest, ADisarmedTimerIsSilent) {
  Probe silent(loop_);
  Probe other(loop_);
  silent.timer.armBy(loop_.now() + Millis(5));
  silent.timer.disarm();
  EXPECT_FALSE(silent.timer.armed());
  other.timer.armBy(loop_.now() + Millis(15));
  runUntilFired(other, 1);
  EXPECT_TRUE(silent.fired.empty());
  silent.timer.armBy(loop_.now() + Millis(5));
  runUntilFired(silent, 1);
}

TEST_F(TimerTest, ATimeThatIsPastFiresAtOnce) {
  Probe probe(loop_);
  probe.timer.armBy(loop_.now() - Millis(1000));
  loop_.turn(true);
  EXPECT_EQ(probe.fired.size(), 1u);
}

TEST_F(TimerTest, MayDieArmedAndInItsCallback) {
  Probe other(loop_);
  {
    Probe probe(loop_);
    probe.timer.armBy(loop_.now() + Millis(1));
  }
  static std::unique_ptr<Timer> suicidal;
  suicidal = std::make_unique<Timer>(loop_, nullptr, [](void*) { suicidal.reset(); });
  suicidal->armBy(loop_.now());
  other.timer.armBy(loop_.now() + Millis(10));
  runUntilFired(other, 1);
  EXPECT_EQ(suicidal, nullptr);
}

TEST_F(TimerTest, TimersFireInTheOrderOfTheirTimes) {
  static std::vector<int> order;
  order.clear();
  std::vector<std::unique_ptr<Timer>> timers;
  const TimePoint start = loop_.now();
  for (const int place : {3, 1, 2, 0}) {
    static int places[4] = {0, 1, 2, 3};
    timers.push_back(std::make_unique<Timer>(
        loop_, &places[place], [](void* p) { order.push_back(*static_cast<int*>(p)); }));
    timers.back()->armBy(start + Millis(10 * place));
  }
  while (order.size() < 4 && Clock::now() < start + Millis(5000)) loop_.turn(true);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3}));
}

}  // namespace
}  // namespace culvert
