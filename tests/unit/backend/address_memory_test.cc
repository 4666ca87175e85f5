// SPDX-License-Identifier: GPL-3.0-or-later
// What is remembered of backend addresses: the order to try them in, and what the log is told.
#include "backend/address_memory.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "net/resolve.h"

namespace culvert {
namespace {

constexpr Millis kRest = AddressMemory::kRest;

class AddressMemoryTest : public testing::Test {
 protected:
  static SocketAddress at(uint16_t port) { return SocketAddress::ipv4(INADDR_LOOPBACK, port); }
  static AddressSet set(std::initializer_list<uint16_t> ports) {
    AddressSet addresses;
    for (const uint16_t port : ports) addresses.push_back(at(port));
    return addresses;
  }
  MaybeNews silent(uint16_t port) { return memory_.silent(at(port), ETIMEDOUT, Millis(250), now_); }
  MaybeNews refused(uint16_t port) { return memory_.failed(at(port), ECONNREFUSED, now_); }
  MaybeNews answered(uint16_t port) { return memory_.answered(at(port), now_); }
  AddressSet ordered(std::initializer_list<uint16_t> ports) {
    AddressSet addresses = set(ports);
    memory_.order(addresses, now_);
    return addresses;
  }
  void pass(Clock::duration time) { now_ += time; }

  AddressMemory memory_;
  TimePoint now_ = TimePoint{} + std::chrono::hours(1);
};

TEST_F(AddressMemoryTest, NothingKnownChangesNothing) {
  EXPECT_TRUE(memory_.empty());
  EXPECT_EQ(ordered({1, 2, 3}), set({1, 2, 3}));
  EXPECT_TRUE(memory_.anyUp(set({1})));
  EXPECT_FALSE(memory_.anyUp({}));
  EXPECT_EQ(memory_.report(at(1)).status, AddressStatus::kUp);
}

TEST_F(AddressMemoryTest, ASilentAddressIsTriedLastForAWhile) {
  silent(1);
  EXPECT_EQ(ordered({1, 2, 3}), set({2, 3, 1}));
  pass(kRest - Millis(1));
  EXPECT_EQ(ordered({1, 2, 3}), set({2, 3, 1}));
  answered(1);
  EXPECT_EQ(ordered({1, 2, 3}), set({1, 2, 3}));
}

TEST_F(AddressMemoryTest, OneTunnelFindsOutForAll) {
  silent(1);
  pass(kRest);
  EXPECT_EQ(ordered({1, 2}), set({1, 2}));
  EXPECT_EQ(ordered({1, 2}), set({2, 1})) << "while the first one tries";
  pass(kRest);
  EXPECT_EQ(ordered({1, 2}), set({1, 2})) << "the first one never said";
}

TEST_F(AddressMemoryTest, ARefusalCostsNoTimeAndKeepsItsPlace) {
  refused(1);
  EXPECT_EQ(ordered({1, 2}), set({1, 2}));
  silent(1);
  EXPECT_EQ(ordered({1, 2}), set({2, 1}));
  refused(1);
  EXPECT_EQ(ordered({1, 2}), set({1, 2})) << "its host is back";
}

TEST_F(AddressMemoryTest, OfSilentOnesTheOneLastAliveComesFirst) {
  silent(1);
  pass(Millis(100));
  silent(3);
  pass(Millis(100));
  silent(2);
  pass(Millis(100));
  silent(1);  // again: that says nothing of when it was alive
  EXPECT_EQ(ordered({1, 2, 3, 4}), set({4, 2, 3, 1}));
}

TEST_F(AddressMemoryTest, KnowsWhetherAnyIsUp) {
  refused(1);
  EXPECT_TRUE(memory_.anyUp(set({1, 2})));
  silent(2);
  EXPECT_FALSE(memory_.anyUp(set({1, 2})));
  answered(2);
  EXPECT_TRUE(memory_.anyUp(set({1, 2})));
}

TEST_F(AddressMemoryTest, TellsTheFirstFailureAndTheReturn) {
  const auto first = refused(1);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->report.address, at(1));
  EXPECT_EQ(first->report.error, ECONNREFUSED);
  EXPECT_EQ(first->report.status, AddressStatus::kFailing);
  EXPECT_EQ(first->untold, 0u);
  EXPECT_FALSE(refused(1));
  EXPECT_FALSE(silent(1)) << "it is still down";
  EXPECT_FALSE(answered(2)) << "that it answers is what is expected";
  pass(std::chrono::seconds(7));
  const auto back = answered(1);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->report.status, AddressStatus::kUp);
  EXPECT_EQ(back->lasted, std::chrono::seconds(7));
  EXPECT_EQ(back->report.failures, 3u);
  EXPECT_FALSE(answered(1));
}

TEST_F(AddressMemoryTest, AFlappingAddressDoesNotFloodAndTheLastWordIsTrue) {
  unsigned told = 0;
  for (int i = 0; i < 100; ++i) {
    told += refused(1) ? 1 : 0;
    pass(Millis(5));
    told += answered(1) ? 1 : 0;
    pass(Millis(5));
  }
  EXPECT_EQ(told, AddressMemory::kNewsAtOnce);
  refused(1);  // the log's last word is that it answers
  EXPECT_TRUE(memory_.overdue(now_).empty());
  pass(AddressMemory::kNewsInterval);
  const auto late = memory_.overdue(now_);
  ASSERT_EQ(late.size(), 1u);
  EXPECT_EQ(late.front().report.status, AddressStatus::kFailing);
  EXPECT_EQ(late.front().untold, 200u - AddressMemory::kNewsAtOnce);
  EXPECT_TRUE(memory_.overdue(now_).empty());
}

TEST_F(AddressMemoryTest, EachAddressHasItsOwnNews) {
  for (uint16_t port = 1; port <= 20; ++port) EXPECT_TRUE(refused(port)) << port;
}

TEST_F(AddressMemoryTest, ForgetsInTheEnd) {
  refused(1);
  refused(2);
  answered(2);
  pass(AddressMemory::kNewsInterval * AddressMemory::kNewsAtOnce);
  memory_.overdue(now_);
  EXPECT_EQ(memory_.report(at(1)).failures, 1u);
  EXPECT_EQ(memory_.report(at(2)).failures, 0u);
  pass(AddressMemory::kForget);
  memory_.overdue(now_);
  EXPECT_TRUE(memory_.empty());
}

TEST(InterleaveFamilies, TakesTheFamiliesByTurns) {
  const auto v4 = [](uint16_t port) { return SocketAddress::ipv4(INADDR_LOOPBACK, port); };
  const auto v6 = [](uint16_t port) { return SocketAddress::ipv6(in6addr_loopback, port); };
  AddressSet addresses = {v6(1), v6(2), v6(3), v4(1), v4(2)};
  interleaveFamilies(addresses);
  EXPECT_EQ(addresses, (AddressSet{v6(1), v4(1), v6(2), v4(2), v6(3)}));
  addresses = {v4(1), v6(1), v6(2), v6(3)};
  interleaveFamilies(addresses);
  EXPECT_EQ(addresses, (AddressSet{v4(1), v6(1), v6(2), v6(3)}));
  addresses = {};
  interleaveFamilies(addresses);
  EXPECT_TRUE(addresses.empty());
}

}  // namespace
}  // namespace culvert
