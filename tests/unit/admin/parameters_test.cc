// SPDX-License-Identifier: GPL-3.0-or-later
// What a request may ask for, and the words of the refusals.
#include "admin/parameters.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

TEST(ParametersTest, ReadsEveryCriterion) {
  const auto query = parseTunnelQuery({{"service", "web"},
                                       {"client", "10.0.0.0/8"},
                                       {"backend", ":6379"},
                                       {"sni", "WWW.Example"},
                                       {"state", "relay"},
                                       {"min_age", "1h30m"},
                                       {"blocked", "client"},
                                       {"blocked_for", "5s"},
                                       {"id", "7"},
                                       {"limit", "10000"},
                                       {"after", "5"},
                                       {"sort", "bytes"},
                                       {"tcp", "1"}});
  ASSERT_TRUE(query) << query.error().text;
  TunnelQuery expected;
  expected.service = "web";
  expected.client = *parseNetwork("10.0.0.0/8", false);
  expected.backend = ":6379";
  expected.sni = "www.example";
  expected.state = TunnelState::kRelay;
  expected.minAge = Millis(90 * 60'000);
  expected.blocked = BlockedSide::kClient;
  expected.blockedFor = Millis(5000);
  expected.id = 7;
  expected.limit = 10'000;
  expected.after = 5;
  expected.order = TunnelOrder::kBytes;
  expected.tcp = true;
  EXPECT_EQ(*query, expected);
}

TEST(ParametersTest, EmptyValuesAreNoCriteria) {
  const Parameters empty = {{"service", ""}, {"client", ""}, {"id", ""}};
  EXPECT_EQ(*parseTunnelQuery(empty), TunnelQuery());
  EXPECT_FALSE(restricts(empty));
  EXPECT_FALSE(restricts({{"limit", "5"}, {"all", "1"}}));
  EXPECT_TRUE(restricts({{"id", "5"}}));
}

TEST(ParametersTest, ATimeOfBlockingMeansEitherSide) {
  EXPECT_EQ(parseTunnelQuery({{"blocked_for", "1s"}})->blocked, BlockedSide::kAny);
}

TEST(ParametersTest, ErrorsSayWhatIsAllowed) {
  const std::pair<Parameters, std::string_view> cases[] = {
      {{{"servise", "a"}}, "\"servise\" is not a parameter; allowed: service, client"},
      {{{"id", "1"}, {"id", "2"}}, "id is there twice; allowed: once"},
      {{{"state", "open"}}, "allowed: handshake, connect, backend-handshake, dialog, relay"},
      {{{"blocked", "me"}}, "blocked: \"me\" is not allowed; allowed: any, client, backend"},
      {{{"sort", "size"}}, "allowed: id, age, bytes, blocked, idle"},
      {{{"limit", "0"}}, "allowed: a whole number from 1 to 10000"},
      {{{"limit", "10001"}}, "allowed: a whole number from 1 to 10000"},
      {{{"id", "0x1"}}, "id: \"0x1\" is not allowed; allowed: a whole number from 1"},
      {{{"id", "18446744073709551616"}}, "a whole number"},
      {{{"min_age", "soon"}}, "min_age: "},
      {{{"client", "host"}}, "host"},
  };
  for (const auto& [parameters, words] : cases) {
    const auto query = parseTunnelQuery(parameters);
    ASSERT_FALSE(query) << words;
    EXPECT_NE(query.error().text.find(words), std::string::npos) << query.error().text;
  }
}

}  // namespace
}  // namespace culvert
