// SPDX-License-Identifier: GPL-3.0-or-later
// The closed list of causes and how one stands in the log.
#include "net/close_reason.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "stats/counters.h"

namespace culvert {
namespace {

TEST(CloseReason, TheListHasEachNameOnceAndFitsTheCounters) {
  const std::set<std::string_view> names(kCloseCauseNames.begin(), kCloseCauseNames.end());
  EXPECT_EQ(names.size(), kCloseCauseNames.size());
  EXPECT_LE(kCloseCauseNames.size(), kMaxCauses);
}

TEST(CloseReason, NamesThatEndInAColonAreCompletedByAWord) {
  for (size_t i = 0; i < kCloseCauseNames.size(); ++i) {
    const std::string name(kCloseCauseNames[i]);
    const std::string word = name.back() == ':' ? "some_word" : "";
    EXPECT_EQ((CloseReason{static_cast<CloseCause>(i), word, "said so"}).text(), name + word);
  }
}

}  // namespace
}  // namespace culvert
