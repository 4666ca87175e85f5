// SPDX-License-Identifier: GPL-3.0-or-later
// The maps of a node: ranges of networks against NetworkSet, and texts with their suffixes.
#include "route/route_lookup.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "route_judge.h"

namespace culvert {
namespace {

PrefixMap mapOf(std::vector<Network> networks) {
  std::sort(networks.begin(), networks.end());
  networks.erase(std::unique(networks.begin(), networks.end()), networks.end());
  return PrefixMap(std::move(networks));
}

std::string foundBy(const PrefixMap& map, const SocketAddress& address) {
  const int found = map.find(address);
  return found < 0 ? "-" : map.keys()[static_cast<size_t>(found)].text();
}

SocketAddress nearAddress(RouteRandom& random) {
  if (below(random, 3) == 0) {
    in6_addr v6{};
    v6.s6_addr[0] = below(random, 2) == 0 ? 0xff : 0xfd;
    v6.s6_addr[15] = static_cast<uint8_t>(below(random, 8));
    if (below(random, 2) == 0) std::fill(v6.s6_addr, v6.s6_addr + 16, uint8_t(0xff));
    return SocketAddress::ipv6(v6, 1);
  }
  const uint32_t bytes[] = {0, 1, 0x0a000000, 0x0a0000ff, 0x0a010203, 0x7fffffff, 0x80000000, ~0U};
  return SocketAddress::ipv4(bytes[below(random, 8)] ^ static_cast<uint32_t>(below(random, 4)), 1);
}

TEST(PrefixMap, FindsTheLongestNetworkAsANetworkSetDoes) {
  RouteRandom random(1);
  for (int round = 0; round < 2'000; ++round) {
    std::vector<Network> networks;
    for (size_t count = below(random, 9); count > 0; --count) {
      const auto v4Bits = static_cast<uint8_t>(below(random, 33));
      const auto v6Bits = static_cast<uint8_t>(below(random, 129));
      networks.push_back(Network::around(nearAddress(random), v4Bits, v6Bits));
    }
    const NetworkSet set(networks);
    const PrefixMap map = mapOf(networks);
    for (int i = 0; i < 20; ++i) {
      const SocketAddress address = nearAddress(random);
      const Network* longest = set.longest(address);
      ASSERT_EQ(foundBy(map, address), longest == nullptr ? "-" : longest->text())
          << address.text();
    }
  }
}

TEST(PrefixMap, KnowsUnixSocketsAndNoAddress) {
  const PrefixMap map = mapOf({routeNetwork("::/0"), routeNetwork("unix")});
  EXPECT_EQ(foundBy(map, SocketAddress::unixPath("/x")), "unix");
  EXPECT_EQ(foundBy(map, SocketAddress()), "-");
  EXPECT_EQ(foundBy(map, routeAddress("1.2.3.4:5")), "::/0");
  EXPECT_EQ(mapOf({routeNetwork("::/0")}).find(SocketAddress::unixPath("/x")), -1);
}

TEST(PrefixMap, ItsRangesCoverEachAddressOnce) {
  const PrefixMap map = mapOf({routeNetwork("10.0.0.0/8"), routeNetwork("10.1.0.0/16"),
                               routeNetwork("10.255.255.255"), routeNetwork("unix"),
                               routeNetwork("ff00::/8"), routeNetwork("::/128")});
  const auto ranges = map.ranges();
  ASSERT_EQ(ranges.size(), 7U);
  std::vector<AddressRange> all;
  for (const auto& some : ranges) all.insert(all.end(), some.begin(), some.end());
  std::sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.first < b.first; });
  EXPECT_TRUE(all.front().first == 0);
  EXPECT_TRUE(all.back().last == ~AddressNumber(0));
  for (size_t i = 1; i < all.size(); ++i) EXPECT_TRUE(all[i].first == all[i - 1].last + 1) << i;
}

TEST(TextMap, FindsEachOfManyNamesAndSuffixes) {
  std::vector<std::string> keys;
  for (int i = 0; i < 5'000; ++i) {
    keys.push_back("host" + std::to_string(i) + ".example.org");
    keys.push_back("*.zone" + std::to_string(i) + ".example.org");
  }
  std::sort(keys.begin(), keys.end());
  const TextMap map(keys);
  for (int i = 0; i < 5'000; ++i) {
    const std::string host = "host" + std::to_string(i) + ".example.org";
    const std::string zone = "zone" + std::to_string(i) + ".example.org";
    ASSERT_EQ(keys[static_cast<size_t>(map.findName(host))], host);
    ASSERT_EQ(keys[static_cast<size_t>(map.findName("a.b." + zone))], "*." + zone);
    ASSERT_EQ(map.findName(zone), -1);
    ASSERT_EQ(map.find("a." + zone), -1);
  }
  EXPECT_EQ(map.findName(""), -1);
}

TEST(NumberMap, FindsItsKeysOnly) {
  const NumberMap map({7, 9, 65535});
  EXPECT_EQ(map.find(7), 0);
  EXPECT_EQ(map.find(65535), 2);
  EXPECT_EQ(map.find(8), -1);
  EXPECT_EQ(map.find(0), -1);
}

}  // namespace
}  // namespace culvert
