// SPDX-License-Identifier: GPL-3.0-or-later
// Networks as text, what they contain, and the longest one of a set.
#include "net/network.h"

#include <gtest/gtest.h>

#include <random>

namespace culvert {
namespace {

SocketAddress at(std::string_view text) {
  return parseAddress(std::string(text), AddressUse::kBackend)->address;
}
Network net(std::string_view text) { return *parseNetwork(text, true); }

TEST(Network, IsWrittenAsItIsRead) {
  for (const char* text :
       {"10.0.0.0/8", "10.1.2.3", "0.0.0.0/0", "fd00::/8", "::/0", "::1", "unix"})
    EXPECT_EQ(net(text).text(), text);
}

TEST(Network, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"10.0.0.0/33", "\"33\" is not a number of bits for 10.0.0.0; allowed: 0 to 32"},
      {"10.0.0.0/", "\"\" is not a number of bits for 10.0.0.0; allowed: 0 to 32"},
      {"10.0.0.0/0008", "\"0008\" is not a number of bits for 10.0.0.0; allowed: 0 to 32"},
      {"fd00::/129", "\"129\" is not a number of bits for fd00::; allowed: 0 to 128"},
      {"10.0.0.1/8", "10.0.0.1/8 has bits set after its first 8; the network is 10.0.0.0/8"},
      {"localhost",
       "\"localhost\" is not an IP address; allowed: ADDRESS or NETWORK/BITS, such as "
       "10.0.0.0/8 or fd00::/8"},
      {"unix",
       "\"unix\" is not an IP address; allowed: ADDRESS or NETWORK/BITS, such as 10.0.0.0/8 "
       "or fd00::/8"},
  };
  for (const auto& [text, error] : cases) {
    const auto parsed = parseNetwork(text, false);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().text, error);
  }
}

TEST(Network, ContainsItsAddresses) {
  EXPECT_TRUE(net("10.0.0.0/8").contains(at("10.255.0.1:1")));
  EXPECT_FALSE(net("10.0.0.0/8").contains(at("11.0.0.0:1")));
  EXPECT_TRUE(net("0.0.0.0/0").contains(at("1.2.3.4:1")));
  EXPECT_FALSE(net("0.0.0.0/0").contains(at("[2001:db8::1]:1")));
  EXPECT_TRUE(net("::/0").contains(at("[2001:db8::1]:1")));
  EXPECT_TRUE(net("fc00::/7").contains(at("[fdff::1]:1")));
  EXPECT_FALSE(net("fc00::/7").contains(at("[fe00::1]:1")));
  EXPECT_TRUE(net("unix").contains(SocketAddress::unixPath("/run/x")));
  EXPECT_FALSE(net("unix").contains(at("127.0.0.1:1")));
  EXPECT_FALSE(net("::/0").contains(SocketAddress::unixPath("/run/x")));
  EXPECT_FALSE(net("::/0").contains(SocketAddress()));
}

TEST(Network, IsMadeAroundAnAddress) {
  EXPECT_EQ(Network::around(at("10.1.2.3:4"), 24, 64).text(), "10.1.2.0/24");
  EXPECT_EQ(Network::around(at("[2001:db8:1:2:3::4]:5"), 24, 64).text(), "2001:db8:1:2::/64");
  EXPECT_EQ(Network::around(SocketAddress::unixPath("/x"), 24, 64).text(), "unix");
}

TEST(NetworkSet, FindsTheLongest) {
  const NetworkSet set({net("10.0.0.0/8"), net("10.1.0.0/16"), net("10.1.2.3"), net("unix"),
                        net("fd00::/8"), net("10.0.0.0/8")});
  EXPECT_EQ(set.networks().size(), 5U);
  EXPECT_EQ(set.longest(at("10.1.2.3:1"))->text(), "10.1.2.3");
  EXPECT_EQ(set.longest(at("10.1.2.4:1"))->text(), "10.1.0.0/16");
  EXPECT_EQ(set.longest(at("10.2.2.4:1"))->text(), "10.0.0.0/8");
  EXPECT_EQ(set.longest(at("[fd01::1]:1"))->text(), "fd00::/8");
  EXPECT_EQ(set.longest(SocketAddress::unixPath("/x"))->text(), "unix");
  EXPECT_EQ(set.longest(at("11.0.0.1:1")), nullptr);
  EXPECT_TRUE(NetworkSet().empty());
  EXPECT_FALSE(NetworkSet().contains(at("11.0.0.1:1")));
}

TEST(NetworkSet, AgreesWithASearchOfAll) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::vector<Network> all;
    for (int i = 0; i < 20; ++i)
      all.push_back(Network::around(SocketAddress::ipv4(random() & 0x0f0f0f0f, 0),
                                    static_cast<uint8_t>(random() % 33), 0));
    const NetworkSet set(all);
    for (int i = 0; i < 50; ++i) {
      const SocketAddress address = SocketAddress::ipv4(random() & 0x0f0f0f0f, 1);
      const Network* best = nullptr;
      for (const Network& one : all)
        if (one.contains(address) && (best == nullptr || one.bits > best->bits)) best = &one;
      const Network* found = set.longest(address);
      ASSERT_EQ(found == nullptr, best == nullptr);
      if (best != nullptr) {
        ASSERT_EQ(*found, *best);
      }
    }
  }
}

}  // namespace
}  // namespace culvert
