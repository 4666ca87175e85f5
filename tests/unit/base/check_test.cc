// SPDX-License-Identifier: GPL-3.0-or-later
// CULVERT_CHECK lets the truth pass, evaluates its condition once, and aborts with the place
// otherwise.
#include "base/check.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

TEST(Check, LetsTheTruthPassAndEvaluatesOnce) {
  int evaluated = 0;
  CULVERT_CHECK(++evaluated == 1);
  EXPECT_EQ(evaluated, 1);
}

TEST(CheckDeathTest, AbortsWithConditionAndPlace) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(CULVERT_CHECK(1 + 1 == 3),
               "bug: 1 \\+ 1 == 3 does not hold at .*check_test.cc:[0-9]+");
}

}  // namespace
}  // namespace culvert
