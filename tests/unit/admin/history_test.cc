// SPDX-License-Identifier: GPL-3.0-or-later
// The samples of the page's charts.
#include "admin/history.h"

#include <gtest/gtest.h>

#include "admin/json.h"

namespace culvert {
namespace {

class HistoryTest : public ::testing::Test {
 protected:
  void sample() {
    time_ += std::chrono::seconds(1);
    history_.sample(counters_, timings_, time_);
  }
  Json samples() const { return Json::parse(history_.json())["samples"]; }

  History history_;
  CounterSnapshot counters_;
  TimingSnapshot timings_;
  WallTime time_{std::chrono::seconds(1'000'000)};
};

TEST_F(HistoryTest, ASampleHasWhatHappenedSinceTheOneBefore) {
  counters_.set(Counter::kAccepted, 10);
  sample();
  EXPECT_TRUE(samples().empty()) << "the first call has nothing to compare with";
  counters_.set(Counter::kAccepted, 13);
  counters_.set(Counter::kHandshakesOk, 3);
  counters_.set(Counter::kHandshakesResumed, 1);
  counters_.set(Counter::kHandshakesAlert, 1);
  counters_.set(Counter::kHandshakesClosed, 1);
  counters_.set(Counter::kBytesInbound, 500);
  counters_.set(Counter::kTunnelsActive, 7);
  timings_.get(Timing::kHandshakeFull).add(1000);
  sample();
  ASSERT_EQ(samples().size(), 1u);
  const Json one = samples()[0];
  const auto fields = Json::parse(history_.json())["fields"];
  ASSERT_EQ(fields.size(), one.size());
  EXPECT_EQ(one[0], 1'000'002);
  EXPECT_EQ(one[1], 7) << "tunnels now";
  EXPECT_EQ(one[2], 3) << "accepted";
  EXPECT_EQ(one[3], 500);
  EXPECT_EQ(one[5], 2) << "full handshakes";
  EXPECT_EQ(one[6], 1) << "resumed";
  EXPECT_EQ(one[7], 2) << "failed";
  EXPECT_GT(one[8], 500);
  EXPECT_LE(one[8], 1024);
  sample();
  EXPECT_EQ(samples()[1][2], 0);
  EXPECT_TRUE(samples()[1][8].is_null()) << "no handshake in this second";
}

TEST_F(HistoryTest, KeepsFiveMinutes) {
  for (int i = 0; i < 400; ++i) sample();
  const Json all = samples();
  EXPECT_EQ(all.size(), History::kSamples);
  EXPECT_EQ(all.back()[0], 1'000'400);
}

}  // namespace
}  // namespace culvert
