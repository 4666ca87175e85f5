// SPDX-License-Identifier: GPL-3.0-or-later
// Repeats are counted instead of written, nothing is forgotten, and the table stays bounded. Time
// is injected.
#include "log/repeat_filter.h"

#include <gtest/gtest.h>

#include "log/log_render.h"

namespace culvert {
namespace {

using namespace std::chrono_literals;

LogLine lineOf(const std::string& key, int n) {
  LogLine line(LogLevel::kInfo, "handshake failed");
  line.add("n", n).collapseBy(key);
  return line;
}

class RepeatFilterTest : public testing::Test {
 protected:
  RepeatFilter filter_{5, 10s, 3};
  TimePoint now_{1000s};
};

TEST_F(RepeatFilterTest, LinesWithoutKeyAlwaysPass) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(filter_.suppress(LogLine(LogLevel::kInfo, "x"), now_));
  }
  EXPECT_EQ(filter_.nextDue(), kNever);
}

TEST_F(RepeatFilterTest, BurstPassesAndTheRestIsSummedUpAtTheEndOfTheWindow) {
  for (int i = 0; i < 1239; ++i) {
    EXPECT_EQ(filter_.suppress(lineOf("k", i), now_ + Millis(i)), i >= 5) << i;
  }
  EXPECT_EQ(filter_.nextDue(), now_ + 10s);
  EXPECT_TRUE(filter_.takeDue(now_ + 9999ms).empty());
  const auto summaries = filter_.takeDue(now_ + 10s);
  ASSERT_EQ(summaries.size(), 1u);
  EXPECT_EQ(renderText(summaries[0]),
            "repeated 1234 times in 10 s: handshake failed n=1238 repeated=1234");
  EXPECT_EQ(filter_.nextDue(), kNever);
  EXPECT_TRUE(filter_.takeDue(now_ + 100s).empty());
}

TEST_F(RepeatFilterTest, QuietKeyLeavesNothingBehind) {
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(filter_.suppress(lineOf("k", i), now_));
  EXPECT_EQ(filter_.nextDue(), kNever);
  EXPECT_TRUE(filter_.takeDue(now_ + 10s).empty());
}

TEST_F(RepeatFilterTest, NewWindowAfterTheOldHasEndedEvenIfNobodyAsked) {
  for (int i = 0; i < 7; ++i) filter_.suppress(lineOf("k", i), now_);
  EXPECT_FALSE(filter_.suppress(lineOf("k", 7), now_ + 10s));
  EXPECT_EQ(filter_.nextDue(), TimePoint::min());  // overdue
  const auto summaries = filter_.takeDue(now_ + 10s);
  ASSERT_EQ(summaries.size(), 1u);
  EXPECT_EQ(renderText(summaries[0]), "repeated 2 times in 10 s: handshake failed n=6 repeated=2");
}

TEST_F(RepeatFilterTest, OldestKeyMakesRoomAndIsSummedUp) {
  for (int i = 0; i < 6; ++i) filter_.suppress(lineOf("a", i), now_);
  filter_.suppress(lineOf("b", 0), now_);
  filter_.suppress(lineOf("c", 0), now_);
  EXPECT_TRUE(filter_.takeDue(now_ + 2s).empty());
  EXPECT_FALSE(filter_.suppress(lineOf("d", 0), now_ + 2s));
  const auto summaries = filter_.takeDue(now_ + 2s);
  ASSERT_EQ(summaries.size(), 1u);
  EXPECT_EQ(renderText(summaries[0]), "repeated 1 times in 2 s: handshake failed n=5 repeated=1");
}

TEST_F(RepeatFilterTest, StopTakesEverything) {
  for (int i = 0; i < 8; ++i) {
    filter_.suppress(lineOf("a", i), now_);
    filter_.suppress(lineOf("b", i), now_);
  }
  const auto summaries = filter_.takeAll(now_ + 500ms);
  ASSERT_EQ(summaries.size(), 2u);
  EXPECT_EQ(renderText(summaries[1]),
            "repeated 3 times in 500 ms: handshake failed n=7 repeated=3");
}

TEST_F(RepeatFilterTest, NobodyTakingTheSummariesCostsNoMemory) {
  RepeatFilter filter(1, 10s, 2);
  for (int key = 0; key < 100; ++key) {
    for (int i = 0; i < 2; ++i) filter.suppress(lineOf("k" + std::to_string(key), i), now_);
  }
  EXPECT_EQ(filter.takeLost(), 96u);  // two wait, two windows are open
  EXPECT_EQ(filter.takeLost(), 0u);
  EXPECT_EQ(filter.takeDue(now_).size(), 2u);
  EXPECT_EQ(filter.takeAll(now_).size(), 2u);
}

}  // namespace
}  // namespace culvert
