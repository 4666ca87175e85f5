// SPDX-License-Identifier: GPL-3.0-or-later
// Which lines the page shows of the last hour.
#include "log/recent_lines.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using std::chrono::minutes;

LogLine warning(std::string_view message, std::string_view service) {
  LogLine line(LogLevel::kWarning, message);
  return line.add("service", service);
}

TEST(RecentLinesTest, KeepsWarningsAndErrorsOnly) {
  RecentLines recent;
  recent.add(LogLine(LogLevel::kNotice, "ready"), WallTime());
  recent.add(LogLine(LogLevel::kErr, "reload failed"), WallTime());
  const auto entries = recent.entries(WallTime());
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].text, "reload failed");
  EXPECT_EQ(entries[0].level, LogLevel::kErr);
}

TEST(RecentLinesTest, CountsEqualMessagesOfOneServiceTogether) {
  RecentLines recent;
  recent.add(warning("backend failed", "a").add("error", "one"), WallTime());
  recent.add(warning("backend failed", "b"), WallTime());
  recent.add(warning("backend failed", "a").add("error", "two"), WallTime(minutes(1)));
  const auto entries = recent.entries(WallTime(minutes(1)));
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].count, 2u);
  EXPECT_EQ(entries[0].time, WallTime(minutes(1)));
  EXPECT_NE(entries[0].text.find("error=two"), std::string::npos);
  EXPECT_EQ(entries[1].count, 1u);
}

TEST(RecentLinesTest, ForgetsAfterAnHour) {
  RecentLines recent;
  recent.add(warning("backend failed", "a"), WallTime());
  EXPECT_EQ(recent.entries(WallTime(minutes(60))).size(), 1u);
  EXPECT_TRUE(recent.entries(WallTime(minutes(61))).empty());
  recent.add(warning("backend failed", "a"), WallTime(minutes(61)));
  EXPECT_EQ(recent.entries(WallTime(minutes(61)))[0].count, 1u) << "the old one does not count";
}

TEST(RecentLinesTest, IsBounded) {
  RecentLines recent;
  for (int i = 0; i < 1000; ++i) recent.add(warning("w", std::to_string(i)), WallTime());
  const auto entries = recent.entries(WallTime());
  ASSERT_EQ(entries.size(), RecentLines::kMost);
  EXPECT_NE(entries[0].text.find("999"), std::string::npos);
}

}  // namespace
}  // namespace culvert
