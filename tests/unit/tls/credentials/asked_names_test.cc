// SPDX-License-Identifier: GPL-3.0-or-later
// What clients have asked for is remembered for a day.
#include "tls/credentials/asked_names.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace culvert {
namespace {

TEST(AskedNamesTest, ANameIsRememberedForADay) {
  AskedNames names;
  names.note("a.example", 1000);
  names.note("b.example", 2000);
  names.note("a.example", 3000);
  auto recent = names.recent(3000);
  std::sort(recent.begin(), recent.end());
  EXPECT_EQ(recent, (std::vector<std::string>{"a.example", "b.example"}));
  EXPECT_EQ(names.recent(2001 + AskedNames::kSeconds), (std::vector<std::string>{"a.example"}));
  EXPECT_TRUE(names.recent(3001 + AskedNames::kSeconds).empty());
}

}  // namespace
}  // namespace culvert
