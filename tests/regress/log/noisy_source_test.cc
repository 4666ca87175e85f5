// SPDX-License-Identifier: GPL-3.0-or-later
// Done: one client was refused again and again, another one once, for the same cause. Seen: the
// other one's line, with its address and certificate, was counted among the repeats. Right: each
// source has a few lines, up to a bound, and the summary says how many sources there were.
#include <gtest/gtest.h>

#include "log/log_render.h"
#include "log/repeat_filter.h"

namespace culvert {
namespace {

using namespace std::chrono_literals;

class NoisySource : public testing::Test {
 protected:
  /// How many of `count` lines pass.
  int pass(const std::string& source, int count, const std::string& key = "k") {
    int passed = 0;
    for (int i = 0; i < count; ++i) {
      LogLine line(LogLevel::kInfo, "refused");
      line.add("client", source).collapseBy(key, source);
      if (!filter_.suppress(line, now_)) ++passed;
    }
    return passed;
  }
  std::string summary() {
    const auto all = filter_.takeAll(now_ + 1s);
    return all.size() == 1 ? renderText(all[0]) : "(" + std::to_string(all.size()) + " summaries)";
  }

  RepeatFilter filter_{5, 10s, 3};
  TimePoint now_{1000s};
};

TEST_F(NoisySource, DoesNotHideAnother) {
  EXPECT_EQ(pass("192.0.2.1", 1000), 5);
  EXPECT_EQ(pass("192.0.2.2", 1), 1);
  EXPECT_EQ(pass("2001:db8::/64", 3), 2);
  EXPECT_EQ(summary(),
            "repeated 996 times in 1 s: refused client=2001:db8::/64 repeated=996 sources=2 "
            "first_sources=\"192.0.2.1, 2001:db8::/64\"");
}

TEST_F(NoisySource, ManySourcesAreBounded) {
  int passed = 0;
  for (int i = 0; i < 5000; ++i) passed += pass("s" + std::to_string(i), 3);
  // Three of the first source and two of the second are the burst.
  EXPECT_EQ(passed, 3 + 2 * (int(RepeatFilter::kSourcesPassed) - 1));
  EXPECT_EQ(summary(),
            "repeated 14935 times in 1 s: refused client=s4999 repeated=14935 sources=255 "
            "first_sources=\"s1, s2, s3, s4, ..\"");
}

TEST_F(NoisySource, EachKeyHasItsOwn) {
  EXPECT_EQ(pass("a", 10, "one"), 5);
  EXPECT_EQ(pass("a", 10, "two"), 5);
  EXPECT_EQ(pass("b", 10, "two"), 2);
  EXPECT_EQ(filter_.takeAll(now_).size(), 2u);
}

TEST_F(NoisySource, NewWindowNewLines) {
  EXPECT_EQ(pass("a", 10), 5);
  EXPECT_EQ(pass("b", 10), 2);
  now_ += 10s;
  EXPECT_EQ(pass("b", 10), 5);
}

TEST_F(NoisySource, LinesWithoutASourceAreAsBefore) {
  EXPECT_EQ(pass("", 10), 5);
  EXPECT_EQ(summary(), "repeated 5 times in 1 s: refused client=\"\" repeated=5");
}

}  // namespace
}  // namespace culvert
