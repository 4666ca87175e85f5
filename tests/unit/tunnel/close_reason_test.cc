// SPDX-License-Identifier: GPL-3.0-or-later
// The closed list of causes and how a stream's failure becomes one of them.
#include "tunnel/close_reason.h"

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

TEST(CloseReason, EveryNameComesBack) {
  for (size_t i = 0; i < kCloseCauseNames.size(); ++i) {
    const std::string name(kCloseCauseNames[i]);
    const bool takesWord = name.back() == ':';
    const CloseReason reason = reasonOf({takesWord ? name + "some_word" : name, "said so"});
    EXPECT_EQ(static_cast<size_t>(reason.cause), i) << name;
    EXPECT_EQ(reason.word, takesWord ? "some_word" : "");
    EXPECT_EQ(reason.detail, "said so");
    EXPECT_EQ(reason.text(), takesWord ? name + "some_word" : name);
  }
}

TEST(CloseReason, AnUnknownCauseIsABugAndKeepsItsWords) {
  const CloseReason reason = reasonOf({"backend-bored", "yawn"});
  EXPECT_EQ(reason.cause, CloseCause::kInternal);
  EXPECT_EQ(reason.text(), "internal");
  EXPECT_NE(reason.detail.find("backend-bored"), std::string::npos);
  EXPECT_NE(reason.detail.find("yawn"), std::string::npos);
  EXPECT_EQ(reasonOf({"client-fin-more", ""}).cause, CloseCause::kInternal);
  EXPECT_EQ(reasonOf({}).cause, CloseCause::kInternal);
}

}  // namespace
}  // namespace culvert
