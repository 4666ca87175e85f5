// SPDX-License-Identifier: GPL-3.0-or-later
// The answers of the workers become one, and rates come from two answers.
#include "admin/tunnel_gather.h"

#include <gtest/gtest.h>

#include "admin/json.h"

namespace culvert {
namespace {

TunnelRow row(uint64_t id, uint64_t rank, uint64_t in = 0, uint64_t out = 0) {
  return {.id = id,
          .rank = rank,
          .bytesIn = in,
          .bytesOut = out,
          .fields = "\"id\":" + std::to_string(id)};
}

TEST(TunnelGatherTest, MergesInTheOrderOfRanks) {
  TunnelAnswer a{.rows = {row(1, 9), row(4, 5)}, .matched = 2, .more = false};
  TunnelAnswer b{.rows = {row(3, 7), row(2, 5)}, .matched = 2, .more = false};
  const TunnelAnswer all = mergeAnswers({a, b}, 10);
  ASSERT_EQ(all.rows.size(), 4u);
  EXPECT_EQ(all.rows[0].id, 1u);
  EXPECT_EQ(all.rows[1].id, 3u);
  EXPECT_EQ(all.rows[2].id, 2u) << "of equal ranks, the smaller id is first";
  EXPECT_EQ(all.matched, 4u);
  EXPECT_FALSE(all.more);
  const TunnelAnswer cut = mergeAnswers({a, b}, 3);
  EXPECT_EQ(cut.rows.size(), 3u);
  EXPECT_TRUE(cut.more);
}

TEST(TunnelGatherTest, OneWorkersMoreIsMore) {
  TunnelAnswer a{.rows = {row(1, 9)}, .matched = 1, .more = true};
  EXPECT_TRUE(mergeAnswers({a, {}}, 10).more);
}

TEST(TunnelRatesTest, NeedsTwoAnswers) {
  TunnelRates rates;
  TimePoint now{std::chrono::seconds(100)};
  EXPECT_FALSE(rates.next(row(1, 0, 1000, 0), now));
  now += Millis(2000);
  const auto second = rates.next(row(1, 0, 5000, 100), now);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->in, 2000u);
  EXPECT_EQ(second->out, 50u);
  now += Millis(50);
  const auto soon = rates.next(row(1, 0, 9000, 100), now);
  ASSERT_TRUE(soon);
  EXPECT_EQ(soon->in, 2000u) << "too soon for a rate of its own";
  now += std::chrono::seconds(31);
  EXPECT_FALSE(rates.next(row(1, 0, 9000, 100), now)) << "too old";
}

TEST(TunnelRatesTest, ForgetsTunnelsThatNoAnswerHas) {
  TunnelRates rates;
  TimePoint now{std::chrono::seconds(100)};
  rates.next(row(1, 0), now);
  rates.prune(now + std::chrono::seconds(31));
  EXPECT_FALSE(rates.next(row(1, 0), now + std::chrono::seconds(1)));
}

TEST(TunnelsJsonTest, IsOneDocument) {
  TunnelRates rates;
  const TimePoint now{std::chrono::seconds(100)};
  const TunnelAnswer answer{.rows = {row(3, 0), row(8, 0)}, .matched = 5, .more = true};
  const auto document = Json::parse(tunnelsJson(answer, rates, now));
  EXPECT_EQ(document["tunnels"].size(), 2u);
  EXPECT_EQ(document["tunnels"][1]["id"], 8);
  EXPECT_TRUE(document["tunnels"][0]["rate_in"].is_null());
  EXPECT_EQ(document["matched"], 5);
  EXPECT_EQ(document["more"], true);
  EXPECT_EQ(document["after"], 8);
  EXPECT_EQ(Json::parse(tunnelsJson({}, rates, now))["tunnels"].size(), 0u);
}

}  // namespace
}  // namespace culvert
