// SPDX-License-Identifier: GPL-3.0-or-later
// IntrusiveList keeps insertion order, lets elements leave from anywhere (also while they are
// visited, also by being destroyed), and holds one element in several lists by tag.
#include "base/intrusive_list.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace culvert {
namespace {

struct Idle;
struct Item : ListNode<Item>, ListNode<Idle> {
  explicit Item(int number) : value(number) {}
  int value;
};
using Items = IntrusiveList<Item>;
using IdleItems = IntrusiveList<Item, Idle>;

std::vector<int> valuesOf(Items& list) {
  std::vector<int> values;
  list.forEach([&](Item& item) { values.push_back(item.value); });
  return values;
}

TEST(IntrusiveList, KeepsOrder) {
  Item one(1), two(2), three(3);
  Items list;
  EXPECT_TRUE(list.empty());
  list.pushBack(one);
  list.pushBack(two);
  list.pushBack(three);
  EXPECT_EQ(valuesOf(list), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(list.front().value, 1);
  EXPECT_EQ(list.popFront().value, 1);
  EXPECT_EQ(valuesOf(list), (std::vector<int>{2, 3}));
}

TEST(IntrusiveList, PushingAMemberMovesItToTheEnd) {
  Item one(1), two(2);
  Items list;
  list.pushBack(one);
  list.pushBack(two);
  list.pushBack(one);
  EXPECT_EQ(valuesOf(list), (std::vector<int>{2, 1}));
}

TEST(IntrusiveList, UnlinkTakesOutOfTheMiddle) {
  Item one(1), two(2), three(3);
  Items list;
  list.pushBack(one);
  list.pushBack(two);
  list.pushBack(three);
  two.ListNode<Item>::unlink();
  two.ListNode<Item>::unlink();  // nothing happens the second time
  EXPECT_FALSE(two.ListNode<Item>::linked());
  EXPECT_EQ(valuesOf(list), (std::vector<int>{1, 3}));
}

TEST(IntrusiveList, AVisitedElementMayLeave) {
  Item one(1), two(2), three(3);
  Items list;
  list.pushBack(one);
  list.pushBack(two);
  list.pushBack(three);
  list.forEach([](Item& item) {
    if (item.value != 2) item.ListNode<Item>::unlink();
  });
  EXPECT_EQ(valuesOf(list), (std::vector<int>{2}));
}

TEST(IntrusiveList, DestructionLeavesTheList) {
  Item stays(1);
  auto goes = std::make_unique<Item>(2);
  Items list;
  list.pushBack(*goes);
  list.pushBack(stays);
  goes.reset();
  EXPECT_EQ(valuesOf(list), (std::vector<int>{1}));
}

TEST(IntrusiveList, AnElementMayOutliveItsList) {
  Item item(1);
  {
    Items list;
    list.pushBack(item);
    EXPECT_TRUE(item.ListNode<Item>::linked());
  }
  EXPECT_FALSE(item.ListNode<Item>::linked());
}

TEST(IntrusiveList, TagsAreSeparateMemberships) {
  Item item(1);
  Items all;
  IdleItems idle;
  all.pushBack(item);
  idle.pushBack(item);
  idle.popFront();
  EXPECT_TRUE(idle.empty());
  EXPECT_EQ(valuesOf(all), (std::vector<int>{1}));
}

}  // namespace
}  // namespace culvert
