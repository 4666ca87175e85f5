// SPDX-License-Identifier: GPL-3.0-or-later
// Done: a tunnel ended for want of memory. Seen: the list of what is to be destroyed grew, found no
// memory, and std::bad_alloc ended the process. Right: ending asks for no memory; a callback that
// finds none ends, and the loop goes on; the few timers of a loop can be armed at any time.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "event/event_loop.h"
#include "event/notify_pipe.h"
#include "event/timer.h"
#include "scarce_memory.h"

namespace culvert {
namespace {

struct Mortal final : Deferred {
  Mortal(std::vector<int>& deaths, int number) : deaths_(deaths), number_(number) {}
  ~Mortal() override { deaths_.push_back(number_); }
  std::vector<int>& deaths_;
  const int number_;
};

TEST(DeleteLaterWithoutMemory, TakesNoneAndKeepsTheOrder) {
  EventLoop loop;
  std::vector<int> deaths;
  deaths.reserve(3000);
  std::vector<std::unique_ptr<Mortal>> mortals;
  for (int i = 0; i < 2000; ++i) mortals.push_back(std::make_unique<Mortal>(deaths, i));
  {
    const ScarceMemory scarce(0);
    for (auto& mortal : mortals) loop.deleteLater(std::move(mortal));
    loop.deleteLater(nullptr);
    EXPECT_TRUE(deaths.empty());
    loop.turn(false);
  }
  ASSERT_EQ(deaths.size(), 2000u);
  for (int i = 0; i < 2000; ++i) EXPECT_EQ(deaths[static_cast<size_t>(i)], i);
  EXPECT_EQ(loop.deferredDeletes(), 2000u);
}

/// A death that brings another one: that is for the next turn.
TEST(DeleteLaterWithoutMemory, ADeathMayEnqueueMore) {
  struct Parent final : Deferred {
    Parent(EventLoop& l, std::unique_ptr<Mortal> c) : loop(l), child(std::move(c)) {}
    ~Parent() override { loop.deleteLater(std::move(child)); }
    EventLoop& loop;
    std::unique_ptr<Mortal> child;
  };
  EventLoop loop;
  std::vector<int> deaths;
  loop.deleteLater(std::make_unique<Parent>(loop, std::make_unique<Mortal>(deaths, 1)));
  loop.turn(false);
  EXPECT_TRUE(deaths.empty());
  loop.turn(false);
  EXPECT_EQ(deaths, std::vector<int>{1});
}

TEST(CallbackWithoutMemory, EndsAndTheLoopGoesOn) {
  EventLoop loop;
  int calls = 0;
  struct Context {
    EventLoop& loop;
    int& calls;
  } context{loop, calls};
  NotifyPipe pipe(loop, &context, [](void* self) {
    ++static_cast<Context*>(self)->calls;
    throw std::bad_alloc();
  });
  ASSERT_TRUE(pipe.open());
  Timer timer(loop, &context, [](void* self) {
    ++static_cast<Context*>(self)->calls;
    throw std::bad_alloc();
  });
  timer.armBy(loop.now());
  pipe.notify();
  while (calls < 2) loop.turn(true);
  EXPECT_EQ(loop.memoryShortages(), 2u);
  pipe.notify();
  loop.turn(true);
  EXPECT_EQ(calls, 3);
}

}  // namespace
}  // namespace culvert
