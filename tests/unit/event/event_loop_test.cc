// SPDX-License-Identifier: GPL-3.0-or-later
// The turns of a loop: what runs soon, what dies when, and what the clock says meanwhile.
#include "event/event_loop.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "event/notify_pipe.h"
#include "event/timer.h"

namespace culvert {
namespace {

struct Task : RunSoon {
  explicit Task(std::function<void()> b = {}) : body(std::move(b)) {}
  void runSoon() override {
    ++runs;
    if (body) body();
  }
  std::function<void()> body;
  int runs = 0;
};

/// Says when it dies.
struct Mortal : Deferred {
  explicit Mortal(std::function<void()> l) : lastWords(std::move(l)) {}
  ~Mortal() override { lastWords(); }
  std::function<void()> lastWords;
};

TEST(EventLoop, ATaskRunsOnceATurn) {
  EventLoop loop;
  Task task;
  loop.runSoon(task);
  loop.runSoon(task);
  EXPECT_EQ(task.runs, 0);
  loop.turn(true);  // does not wait: something is queued
  EXPECT_EQ(task.runs, 1);
  loop.turn(false);
  EXPECT_EQ(task.runs, 1);
}

TEST(EventLoop, TasksRunInOrder) {
  EventLoop loop;
  std::string order;
  Task a([&] { order += 'a'; });
  Task b([&] { order += 'b'; });
  Task c([&] { order += 'c'; });
  loop.runSoon(b);
  loop.runSoon(a);
  loop.runSoon(c);
  loop.runSoon(b);  // takes its place anew
  loop.turn(false);
  EXPECT_EQ(order, "acb");
}

TEST(EventLoop, ATaskThatEnqueuesItselfRunsInTheNextTurn) {
  EventLoop loop;
  Task task;
  task.body = [&] { loop.runSoon(task); };
  loop.runSoon(task);
  for (int turn = 1; turn <= 3; ++turn) {
    loop.turn(true);
    EXPECT_EQ(task.runs, turn);
  }
}

TEST(EventLoop, ATaskEnqueuedByATaskWaitsForTheNextTurn) {
  EventLoop loop;
  Task second;
  Task first([&] { loop.runSoon(second); });
  loop.runSoon(first);
  loop.turn(true);
  EXPECT_EQ(second.runs, 0);
  loop.turn(true);
  EXPECT_EQ(second.runs, 1);
}

TEST(EventLoop, ATaskThatDiesLeavesTheQueue) {
  EventLoop loop;
  auto doomed = std::make_unique<Task>();
  Task killer([&] { doomed.reset(); });
  loop.runSoon(killer);
  loop.runSoon(*doomed);  // stands behind its killer
  loop.turn(false);
  EXPECT_EQ(killer.runs, 1);
  EXPECT_EQ(doomed, nullptr);
}

TEST(EventLoop, ObjectsDieInOrderAfterTheTasks) {
  EventLoop loop;
  std::string order;
  Task task([&] {
    order += 't';
    loop.deleteLater(std::make_unique<Mortal>([&] { order += '3'; }));
  });
  loop.setEndOfTurn([&] { order += 'e'; });
  loop.deleteLater(std::make_unique<Mortal>([&] { order += '1'; }));
  loop.deleteLater(std::make_unique<Mortal>([&] { order += '2'; }));
  loop.runSoon(task);
  EXPECT_EQ(order, "");
  loop.turn(true);
  EXPECT_EQ(order, "t123e");
  EXPECT_EQ(loop.deferredDeletes(), 3u);
  loop.turn(false);
  EXPECT_EQ(order, "t123ee");
}

TEST(EventLoop, ADeathMayEnqueueAnother) {
  EventLoop loop;
  std::string order;
  loop.deleteLater(std::make_unique<Mortal>([&] {
    order += '1';
    loop.deleteLater(std::make_unique<Mortal>([&] { order += '2'; }));
  }));
  loop.turn(true);
  EXPECT_EQ(order, "1");
  loop.turn(true);
  EXPECT_EQ(order, "12");
  EXPECT_EQ(loop.deferredDeletes(), 2u);
}

TEST(EventLoop, TheLoopTakesAllTheDeadAlong) {
  std::string order;
  {
    EventLoop loop;
    EventLoop* alive = &loop;
    loop.deleteLater(std::make_unique<Mortal>([&order, alive] {
      order += '1';
      alive->deleteLater(std::make_unique<Mortal>([&order] { order += '2'; }));
    }));
  }
  EXPECT_EQ(order, "12");
}

TEST(EventLoop, StopsAfterTheTurn) {
  EventLoop loop;
  int deaths = 0;
  Task task([&] {
    loop.stop();
    loop.deleteLater(std::make_unique<Mortal>([&] { ++deaths; }));
  });
  loop.runSoon(task);
  loop.run();
  EXPECT_EQ(task.runs, 1);
  EXPECT_EQ(deaths, 1);
}

TEST(EventLoop, TheClockStandsStillWithinATurn) {
  EventLoop loop;
  std::vector<TimePoint> seen;
  Task task([&] {
    seen.push_back(loop.now());
    while (Clock::now() < seen[0] + Millis(3)) {
    }
    seen.push_back(loop.now());
    EXPECT_NE(loop.busySinceMicros(), 0u);
  });
  loop.runSoon(task);
  loop.turn(false);
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0], seen[1]);
  EXPECT_GE(loop.longestTurnMicros(), 3000u);
  EXPECT_EQ(loop.busySinceMicros(), 0u);
  EXPECT_GE(loop.now(), seen[0] + Millis(3)) << "a new turn reads it anew";
}

}  // namespace
}  // namespace culvert
