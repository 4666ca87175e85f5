// SPDX-License-Identifier: GPL-3.0-or-later
// Mailbox: a bounded lane and one that is never refused, each with one notification for each time
// it becomes not empty.
#include "event/mailbox.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "event/callback.h"
#include "event/event_loop.h"

namespace culvert {
namespace {

using Item = std::unique_ptr<int>;

class MailboxTest : public testing::Test {
 protected:
  static constexpr size_t kCapacity = 8;

  void SetUp() override { ASSERT_TRUE(box_.open()); }
  bool offer(int value) {
    Item item = std::make_unique<int>(value);
    const bool taken = box_.offer(item);
    EXPECT_EQ(item == nullptr, taken) << "a refused item stays with its owner";
    return taken;
  }
  std::vector<int> takeAll() {
    std::vector<int> values;
    while (const auto item = box_.takeItem()) values.push_back(**item);
    return values;
  }

  EventLoop loop_;
  int wakes_ = 0;
  Mailbox<Item> box_{loop_, kCapacity, this,
                     [](void* self) { ++static_cast<MailboxTest*>(self)->wakes_; }};
};

TEST_F(MailboxTest, TakesUntilItIsFull) {
  for (size_t i = 0; i < kCapacity; ++i) EXPECT_TRUE(offer(static_cast<int>(i)));
  EXPECT_FALSE(offer(99));
  EXPECT_EQ(takeAll(), (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_TRUE(offer(0)) << "there is room again";
}

TEST_F(MailboxTest, KeepsTheOrderAcrossItsWrap) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(offer(i));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(**box_.takeItem(), i);
  for (int i = 5; i < 11; ++i) ASSERT_TRUE(offer(i));
  EXPECT_FALSE(offer(99));
  EXPECT_EQ(takeAll(), (std::vector<int>{3, 4, 5, 6, 7, 8, 9, 10}));
}

TEST_F(MailboxTest, ItemsCanBeChangedWhileTheyWait) {
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(offer(i));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(**box_.takeItem(), i);
  for (int i = 6; i < 10; ++i) ASSERT_TRUE(offer(i));
  box_.forEachItem([](Item& item) { *item += 100; });
  EXPECT_EQ(takeAll(), (std::vector<int>{104, 105, 106, 107, 108, 109}));
  box_.forEachItem([](Item&) { ADD_FAILURE() << "nothing waits"; });
}

TEST_F(MailboxTest, NotifiesWhenItWasEmpty) {
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(offer(i));
  loop_.turn(true);
  EXPECT_EQ(wakes_, 1);
  loop_.turn(false);
  EXPECT_EQ(wakes_, 1) << "the items have not been taken; the reader is not notified again";
  EXPECT_TRUE(offer(6));
  loop_.turn(false);
  EXPECT_EQ(wakes_, 1);
  EXPECT_EQ(takeAll().size(), 6u);
  EXPECT_TRUE(offer(7));
  loop_.turn(true);
  EXPECT_EQ(wakes_, 2);
}

TEST_F(MailboxTest, ItemsThatWaitDoNotHoldUpAControlMessage) {
  EXPECT_TRUE(offer(1));
  loop_.turn(true);
  ASSERT_EQ(wakes_, 1);
  int ran = 0;
  box_.post([&ran] { ++ran; });
  box_.post([&ran] { ++ran; });
  loop_.turn(true);
  EXPECT_EQ(wakes_, 2);
  box_.runControl();
  EXPECT_EQ(ran, 2);
}

TEST_F(MailboxTest, ControlMessagesAreNeverRefused) {
  for (size_t i = 0; i < kCapacity; ++i) ASSERT_TRUE(offer(0));
  int ran = 0;
  for (int i = 0; i < 1000; ++i) box_.post([&ran] { ++ran; });
  box_.close();
  box_.post([&ran] { ++ran; });
  box_.runControl();
  EXPECT_EQ(ran, 1001);
}

TEST_F(MailboxTest, AClosedOneRefusesItemsAndKeepsWhatItHas) {
  ASSERT_TRUE(offer(1));
  box_.close();
  EXPECT_FALSE(offer(2));
  EXPECT_EQ(takeAll(), std::vector<int>{1});
  EXPECT_FALSE(offer(3));
}

TEST_F(MailboxTest, NobodyTakesFromAnEmptyOne) {
  EXPECT_FALSE(box_.takeItem());
  box_.runControl();
}

TEST_F(MailboxTest, AWakeNeedsNoMail) {
  box_.wake();
  loop_.turn(true);
  EXPECT_EQ(wakes_, 1);
}

TEST_F(MailboxTest, AMessageMayPostAnother) {
  bool second = false;
  box_.post([&] { box_.post([&] { second = true; }); });
  box_.runControl();
  box_.runControl();
  EXPECT_TRUE(second);
}

/// Two producers against a consumer that sleeps on its loop: everything arrives, in each one's
/// order, and no wake-up is lost (a lost one would leave the loop asleep for ever).
TEST(MailboxThreads, NothingIsLostBetweenThreads) {
  constexpr int kEach = 20'000;
  struct Consumer {
    EventLoop loop;
    std::vector<int> next{0, 0};
    size_t commands = 0;
    std::atomic<int> refused{0};
    Mailbox<Item> box{loop, 64, this, call<&Consumer::onMail>};
    void onMail() {
      while (const auto item = box.takeItem()) {
        int& expected = next[static_cast<size_t>(**item) / kEach];
        EXPECT_EQ(**item % kEach, expected++);
      }
      box.runControl();
    }
  } consumer;
  ASSERT_TRUE(consumer.box.open());

  std::vector<std::thread> producers;
  for (int p = 0; p < 2; ++p) {
    producers.emplace_back([&consumer, p] {
      for (int i = 0; i < kEach;) {
        Item item = std::make_unique<int>(p * kEach + i);
        if (consumer.box.offer(item)) {
          ++i;
        } else {
          ++consumer.refused;
          std::this_thread::yield();
        }
        if (i % 1000 == 0) consumer.box.post([&consumer] { ++consumer.commands; });
      }
    });
  }
  while (consumer.next[0] < kEach || consumer.next[1] < kEach) consumer.loop.turn(true);
  for (std::thread& producer : producers) producer.join();
  consumer.loop.turn(false);
  EXPECT_EQ(consumer.next, (std::vector<int>{kEach, kEach}));
  EXPECT_GE(consumer.commands, 40u);
}

}  // namespace
}  // namespace culvert
