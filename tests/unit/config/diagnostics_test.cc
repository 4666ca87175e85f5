// SPDX-License-Identifier: GPL-3.0-or-later
// The list of what was found: bounded, sorted, without repeats.
#include "config/diagnostics.h"

#include <gtest/gtest.h>

#include <string>

namespace culvert {
namespace {

Origin lineOf(int number) {
  Origin origin;
  origin.line = number;
  return origin;
}

TEST(Diagnostics, NoNumberOfWarningsHidesAnError) {
  Diagnostics d;
  for (int i = 0; i < 5000; ++i)
    d.add(Severity::kWarning, lineOf(i), "global", "key", "w" + std::to_string(i));
  EXPECT_EQ(d.list().size(), Diagnostics::kMostErrors);
  EXPECT_FALSE(d.hasErrors());
  d.error(lineOf(7), "global", "key", "the one that counts");
  EXPECT_TRUE(d.hasErrors());
  EXPECT_EQ(d.list().back().what, "the one that counts");
}

TEST(Diagnostics, NoNumberOfErrorsHidesAWarning) {
  Diagnostics d;
  for (int i = 0; i < 5000; ++i) d.error(lineOf(i), "global", "key", "e" + std::to_string(i));
  EXPECT_TRUE(d.full());
  EXPECT_EQ(d.errors(), Diagnostics::kMostErrors);
  d.add(Severity::kWarning, lineOf(7), "global", "key", "still seen");
  EXPECT_EQ(d.list().back().what, "still seen");
}

TEST(Diagnostics, SortsByLineAndSaysTheSameOnce) {
  Diagnostics d;
  d.error(lineOf(9), "global", "b", "later");
  d.error(lineOf(2), "global", "a", "first");
  d.error(lineOf(9), "global", "b", "later");
  d.sort();
  ASSERT_EQ(d.list().size(), 2u);
  EXPECT_EQ(d.list()[0].what, "first");
  EXPECT_EQ(d.errors(), 2u);
}

}  // namespace
}  // namespace culvert
