// SPDX-License-Identifier: GPL-3.0-or-later
// Which clients are one source, and which are one network.
#include "limit/source_key.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace culvert {
namespace {

SocketAddress clientAt(const std::string& text) {
  const auto spec = parseAddress(text, AddressUse::kListen);
  EXPECT_TRUE(spec.has_value()) << text;
  return spec ? spec->address : SocketAddress();
}
SourceKey source(const std::string& text) { return SourceKey::of(clientAt(text)); }
SourceKey network(const std::string& text) { return SourceKey::networkOf(clientAt(text)); }

TEST(SourceKeyTest, AnIpv4SourceIsTheAddressWithoutThePort) {
  EXPECT_EQ(source("10.1.2.3:1"), source("10.1.2.3:2"));
  EXPECT_NE(source("10.1.2.3:1"), source("10.1.2.4:1"));
  EXPECT_EQ(source("10.1.2.3:1").text(), "10.1.2.3");
}

TEST(SourceKeyTest, AnIpv6SourceIsThe64) {
  EXPECT_EQ(source("[fd00:1:2:3::1]:1"), source("[fd00:1:2:3:ffff::2]:1"));
  EXPECT_NE(source("[fd00:1:2:3::1]:1"), source("[fd00:1:2:4::1]:1"));
  EXPECT_EQ(source("[fd00:1:2:3::1]:1").text(), "fd00:1:2:3::/64");
}

TEST(SourceKeyTest, UnixClientsAreOneSource) {
  EXPECT_EQ(SourceKey::of(SocketAddress::unixPath("/a")),
            SourceKey::of(SocketAddress::unixPath("/b")));
  EXPECT_EQ(SourceKey::of(SocketAddress::unixPath("/a")).text(), "unix");
  EXPECT_NE(source("0.0.0.0:1"), SourceKey()) << "an address of zeros is not a UNIX socket";
  EXPECT_NE(source("[::]:1"), SourceKey());
  EXPECT_NE(source("[::]:1"), source("0.0.0.0:1"));
}

TEST(SourceKeyTest, ANetworkIsThe24OrThe48) {
  EXPECT_EQ(network("10.1.2.3:1"), network("10.1.2.255:1"));
  EXPECT_NE(network("10.1.2.3:1"), network("10.1.3.3:1"));
  EXPECT_EQ(network("10.1.2.3:1").text(), "10.1.2.0/24");
  EXPECT_EQ(network("[fd00:1:2:3::1]:1"), network("[fd00:1:2:ffff::1]:1"));
  EXPECT_NE(network("[fd00:1:2:3::1]:1"), network("[fd00:1:3:3::1]:1"));
  EXPECT_EQ(network("[fd00:1:2:3::1]:1").text(), "fd00:1:2::/48");
}

TEST(SourceKeyTest, TheInterfaceOfALinkLocalAddressCounts) {
  in6_addr host{};
  host.s6_addr[0] = 0xfe;
  host.s6_addr[1] = 0x80;
  EXPECT_NE(SourceKey::of(SocketAddress::ipv6(host, 1, 1)),
            SourceKey::of(SocketAddress::ipv6(host, 1, 2)));
}

TEST(SourceKeyTest, TheHashSpreadsNeighboursAndDependsOnTheSeed) {
  std::set<uint64_t> low;
  unsigned same = 0;
  for (uint32_t i = 0; i < 4096; ++i) {
    const SourceKey key = SourceKey::of(SocketAddress::ipv4(0x0a000000 + i, 0));
    low.insert(key.hash(1) % 65536);
    same += key.hash(1) == key.hash(3) ? 1 : 0;
  }
  EXPECT_GT(low.size(), 3700u) << "random numbers would give about 3,970";
  EXPECT_EQ(same, 0u);
}

}  // namespace
}  // namespace culvert
