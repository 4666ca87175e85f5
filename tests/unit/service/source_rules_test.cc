// SPDX-License-Identifier: GPL-3.0-or-later
// allow-from and deny-from: the longest network decides.
#include "service/source_rules.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

namespace culvert {
namespace {

NetworkSet networks(std::initializer_list<const char*> texts) {
  std::vector<Network> list;
  for (const char* text : texts) {
    const auto network = parseNetwork(text, true);
    EXPECT_TRUE(network.has_value()) << text;
    if (network) list.push_back(*network);
  }
  return NetworkSet(std::move(list));
}

bool allows(const SourceRules& rules, const std::string& client) {
  if (client == "unix") return rules.allows(SocketAddress::unixPath("/x"));
  const auto spec = parseAddress(client, AddressUse::kListen);
  EXPECT_TRUE(spec.has_value()) << client;
  return rules.allows(spec->address);
}

TEST(SourceRulesTest, WithoutRulesEverybodyMay) {
  const SourceRules none;
  EXPECT_TRUE(allows(none, "10.0.0.1:1"));
  EXPECT_TRUE(allows(none, "[::1]:1"));
  EXPECT_TRUE(allows(none, "unix"));
}

TEST(SourceRulesTest, WithAllowFromAllOthersAreDenied) {
  const SourceRules rules(networks({"10.0.0.0/8", "fd00::/8"}), {});
  EXPECT_TRUE(allows(rules, "10.255.0.1:1"));
  EXPECT_TRUE(allows(rules, "[fd12::1]:1"));
  EXPECT_FALSE(allows(rules, "11.0.0.1:1"));
  EXPECT_FALSE(allows(rules, "[2001:db8::1]:1"));
  EXPECT_FALSE(allows(rules, "unix"));
}

TEST(SourceRulesTest, WithDenyFromAloneAllOthersMay) {
  const SourceRules rules({}, networks({"10.1.0.0/16", "unix"}));
  EXPECT_FALSE(allows(rules, "10.1.2.3:1"));
  EXPECT_TRUE(allows(rules, "10.2.2.3:1"));
  EXPECT_TRUE(allows(rules, "[::1]:1"));
  EXPECT_FALSE(allows(rules, "unix"));
}

TEST(SourceRulesTest, TheLongestNetworkOfBothListsDecides) {
  const SourceRules rules(networks({"10.0.0.0/8", "10.1.2.0/24"}),
                          networks({"10.1.0.0/16", "10.1.2.3"}));
  EXPECT_TRUE(allows(rules, "10.2.0.1:1"));
  EXPECT_FALSE(allows(rules, "10.1.0.1:1"));
  EXPECT_TRUE(allows(rules, "10.1.2.4:1"));
  EXPECT_FALSE(allows(rules, "10.1.2.3:1"));
}

TEST(SourceRulesTest, BetweenEqualNetworksDenyWins) {
  const SourceRules rules(networks({"10.1.0.0/16", "unix", "0.0.0.0/0"}),
                          networks({"10.1.0.0/16", "unix"}));
  EXPECT_FALSE(allows(rules, "10.1.2.3:1"));
  EXPECT_FALSE(allows(rules, "unix"));
  EXPECT_TRUE(allows(rules, "10.2.2.3:1"));
}

TEST(SourceRulesTest, AllOfIpv6IncludesIpv4ButNoUnixSocket) {
  const SourceRules rules(networks({"::/0"}), networks({"0.0.0.0/0"}));
  EXPECT_TRUE(allows(rules, "[::1]:1"));
  EXPECT_FALSE(allows(rules, "10.0.0.1:1"));
  EXPECT_FALSE(allows(rules, "unix"));
}

}  // namespace
}  // namespace culvert
