// SPDX-License-Identifier: GPL-3.0-or-later
// PostBox: messages that are never refused, one notification for each time it becomes not empty.
#include "event/post_box.h"

#include <gtest/gtest.h>

#include <new>
#include <thread>
#include <vector>

#include "event/callback.h"

namespace culvert {
namespace {

class PostBoxTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(box_.open()); }
  void onMail() { ++wakes_; }

  EventLoop loop_;
  int wakes_ = 0;
  PostBox box_{loop_, static_cast<PostBoxTest*>(this), call<&PostBoxTest::onMail>};
};

TEST_F(PostBoxTest, NotifiesWhenItWasEmpty) {
  int ran = 0;
  for (int i = 0; i < 5; ++i) box_.post([&ran] { ++ran; });
  loop_.turn(true);
  EXPECT_EQ(wakes_, 1);
  EXPECT_EQ(ran, 0) << "the reader decides when they run";
  box_.runControl();
  EXPECT_EQ(ran, 5);
  box_.post([&ran] { ++ran; });
  loop_.turn(true);
  EXPECT_EQ(wakes_, 2);
}

TEST_F(PostBoxTest, KeepsTheOrder) {
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) box_.post([&order, i] { order.push_back(i); });
  box_.runControl();
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST_F(PostBoxTest, AWakeNeedsNoMail) {
  box_.wake();
  loop_.turn(true);
  EXPECT_EQ(wakes_, 1);
}

TEST_F(PostBoxTest, AMessageMayPostAnother) {
  bool second = false;
  box_.post([&] { box_.post([&] { second = true; }); });
  box_.runControl();
  EXPECT_FALSE(second);
  box_.runControl();
  EXPECT_TRUE(second);
}

TEST_F(PostBoxTest, AMessageWithoutMemoryKeepsNoOtherFromItsTurn) {
  bool ran = false;
  box_.post([] { throw std::bad_alloc(); });
  box_.post([&ran] { ran = true; });
  box_.runControl();
  EXPECT_TRUE(ran);
  EXPECT_EQ(loop_.memoryShortages(), 1u);
}

TEST(PostBoxAlone, RunsTheMessagesOfAnotherThread) {
  EventLoop loop;
  PostBox box(loop);
  ASSERT_TRUE(box.open());
  int ran = 0;
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) box.post([&ran] { ++ran; });
    box.post([&loop] { loop.stop(); });
  });
  loop.run();
  other.join();
  EXPECT_EQ(ran, 1000);
}

}  // namespace
}  // namespace culvert
