// SPDX-License-Identifier: GPL-3.0-or-later
// The order of the addresses: every pick by weight, the least loaded first, clients that keep their
// address.
#include "backend/balance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

namespace culvert {
namespace {

using Entry = Balancer::Entry;

SocketAddress at(uint16_t port) { return SocketAddress::ipv4(INADDR_LOOPBACK, port); }

class BalanceTest : public testing::Test {
 protected:
  static std::vector<Entry> weighted(const std::vector<unsigned>& weights) {
    std::vector<Entry> entries;
    for (const unsigned weight : weights)
      entries.push_back(
          {.key = addressKey(at(static_cast<uint16_t>(entries.size() + 1))), .weight = weight});
    return entries;
  }
  size_t pick(Balance how, std::vector<Entry>& entries, uint64_t client = 0) {
    const auto order = balancer_.order(how, entries, client);
    EXPECT_EQ(order.size(), entries.size());
    auto sorted = order;
    std::sort(sorted.begin(), sorted.end());
    for (size_t i = 0; i < sorted.size(); ++i) EXPECT_EQ(sorted[i], i) << "each address once";
    return order.front();
  }
  /// The chi-square statistic of `counts` against `weights`.
  static double chiSquare(const std::vector<uint64_t>& counts, const std::vector<Entry>& entries) {
    const auto all = static_cast<double>(std::accumulate(counts.begin(), counts.end(), 0ULL));
    double total = 0;
    for (const Entry& entry : entries) total += entry.weight;
    double sum = 0;
    for (size_t i = 0; i < counts.size(); ++i) {
      const double expected = all * entries[i].weight / total;
      const double off = static_cast<double>(counts[i]) - expected;
      sum += off * off / expected;
    }
    return sum;
  }

  std::mt19937_64 engine_{1};
  Balancer balancer_{[this] { return engine_(); }};
};

// With 4 degrees of freedom, chance exceeds this value once in 10,000 runs.
constexpr double kUnlikely = 23.5;
const std::vector<unsigned> kWeights = {1, 2, 3, 5, 10};

TEST_F(BalanceTest, FirstIsTheOrderOfTheList) {
  auto entries = weighted(kWeights);
  entries[0].open = 100;
  EXPECT_EQ(balancer_.order(Balance::kFirst, entries, 7), (std::vector<size_t>{0, 1, 2, 3, 4}));
}

TEST_F(BalanceTest, RoundRobinIsExactAndSmooth) {
  auto entries = weighted({2, 1});
  std::string turns;
  for (int i = 0; i < 6; ++i) turns += static_cast<char>('a' + pick(Balance::kRoundRobin, entries));
  EXPECT_EQ(turns, "abaaba");
  entries = weighted(kWeights);
  std::vector<uint64_t> counts(entries.size());
  for (int i = 0; i < 21 * 100; ++i) ++counts[pick(Balance::kRoundRobin, entries)];
  EXPECT_EQ(counts, (std::vector<uint64_t>{100, 200, 300, 500, 1000}));
}

TEST_F(BalanceTest, RoundRobinContinuesWithoutAnAddressThatGoes) {
  auto entries = weighted({1, 1, 1});
  for (int i = 0; i < 4; ++i) pick(Balance::kRoundRobin, entries);
  entries.pop_back();
  std::vector<uint64_t> counts(2);
  for (int i = 0; i < 100; ++i) ++counts[pick(Balance::kRoundRobin, entries)];
  EXPECT_NEAR(static_cast<double>(counts[0]), 50, 2);
}

TEST_F(BalanceTest, TenThousandRandomPicksFollowTheWeights) {
  auto entries = weighted(kWeights);
  std::vector<uint64_t> counts(entries.size());
  for (int i = 0; i < 10'000; ++i) ++counts[pick(Balance::kRandom2, entries)];
  EXPECT_LT(chiSquare(counts, entries), kUnlikely);
}

TEST_F(BalanceTest, TenThousandClientsFollowTheWeights) {
  auto entries = weighted(kWeights);
  std::vector<uint64_t> counts(entries.size());
  for (uint32_t i = 0; i < 10'000; ++i) {
    const auto client = hostKey(SocketAddress::ipv4(0x0a000000 + i, 1));  // neighbours in one net
    ++counts[pick(Balance::kSourceHash, entries, client)];
  }
  EXPECT_LT(chiSquare(counts, entries), kUnlikely);
}

TEST_F(BalanceTest, TenThousandTunnelsThatStayFollowTheWeightsWithLeast) {
  auto entries = weighted(kWeights);
  for (int i = 0; i < 10'000; ++i) ++entries[pick(Balance::kLeast, entries)].open;
  for (const Entry& entry : entries)
    EXPECT_NEAR(static_cast<double>(entry.open), 10'000.0 * entry.weight / 21, 1.0 + entry.weight);
}

TEST_F(BalanceTest, LeastTakesTheLeastLoadedAndTurnsBetweenEquals) {
  auto entries = weighted({1, 1, 2});
  entries[0].open = 3;
  entries[1].open = 1;
  entries[2].open = 4;  // 5 / 2 is more than 2 / 1, and less than 4 / 1
  EXPECT_EQ(balancer_.order(Balance::kLeast, entries, 0), (std::vector<size_t>{1, 2, 0}));
  entries = weighted({1, 1, 1});
  std::vector<uint64_t> counts(3);
  for (int i = 0; i < 300; ++i) ++counts[pick(Balance::kLeast, entries)];
  EXPECT_EQ(counts, (std::vector<uint64_t>{100, 100, 100}));
}

TEST_F(BalanceTest, TheBetterOfTwoAvoidsALoadedAddress) {
  auto entries = weighted({1, 1, 1, 1});
  entries[2].open = 1000;
  for (int i = 0; i < 200; ++i) EXPECT_NE(pick(Balance::kRandom2, entries), 2u);
}

TEST_F(BalanceTest, TheBetterOfTwoKeepsTheLoadEven) {
  auto entries = weighted({1, 1, 1, 1, 1, 1, 1, 1});
  for (int i = 0; i < 8000; ++i) ++entries[pick(Balance::kRandom2, entries)].open;
  for (const Entry& entry : entries) EXPECT_NEAR(static_cast<double>(entry.open), 1000, 10);
}

TEST_F(BalanceTest, ARemovedAddressMovesOnlyItsOwnClients) {
  auto entries = weighted(kWeights);
  auto fewer = entries;
  fewer.erase(fewer.begin() + 3);
  int moved = 0;
  for (uint64_t client = 0; client < 5000; ++client) {
    const auto order = balancer_.order(Balance::kSourceHash, entries, client);
    const auto after = balancer_.order(Balance::kSourceHash, fewer, client);
    const uint64_t now = fewer[after.front()].key;
    if (order.front() == 3) {
      ++moved;
      EXPECT_EQ(now, entries[order[1]].key) << "its client goes to the next one of its order";
    } else {
      EXPECT_EQ(now, entries[order.front()].key);
    }
  }
  EXPECT_GT(moved, 500);
}

TEST_F(BalanceTest, AClientKeepsItsAddressWhateverTheOrderOfTheList) {
  auto entries = weighted(kWeights);
  auto reversed = entries;
  std::reverse(reversed.begin(), reversed.end());
  for (uint64_t client = 0; client < 500; ++client)
    EXPECT_EQ(entries[pick(Balance::kSourceHash, entries, client)].key,
              reversed[pick(Balance::kSourceHash, reversed, client)].key);
}

TEST_F(BalanceTest, TheKeysAreTheSameInEveryProcess) {
  EXPECT_EQ(hostKey(at(1)), hostKey(at(2))) << "the client's port changes with each connection";
  EXPECT_NE(addressKey(at(1)), addressKey(at(2)));
  EXPECT_EQ(hostKey(SocketAddress::ipv4(0x7f000001, 9)), 16350636644910496607ULL);
  EXPECT_EQ(hostKey(SocketAddress::ipv6(in6addr_loopback, 9)), 11444827932441233261ULL);
  EXPECT_EQ(addressKey(SocketAddress::unixPath("/run/a")), 16741408823057731867ULL);
}

TEST_F(BalanceTest, NoAddressAndOneAddress) {
  std::vector<Entry> entries;
  for (const Balance how : {Balance::kFirst, Balance::kRoundRobin, Balance::kLeast,
                            Balance::kRandom2, Balance::kSourceHash}) {
    EXPECT_TRUE(balancer_.order(how, entries, 1).empty());
    auto one = weighted({5});
    EXPECT_EQ(pick(how, one), 0u);
    EXPECT_EQ(one[0].turn, 0);
  }
}

}  // namespace
}  // namespace culvert
