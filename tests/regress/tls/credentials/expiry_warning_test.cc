// SPDX-License-Identifier: GPL-3.0-or-later
// Done: a certificate of six days was served. Seen: a warning of its expiry on each day of its
// life. Right: the warning begins two weeks ahead, or with the last third of a shorter life.
#include <gtest/gtest.h>

#include "tls/credentials/credentials.h"

namespace culvert {
namespace {

TEST(ExpiryWarning, BeginsTwoWeeksAheadOrWithTheLastThird) {
  constexpr int64_t kDay = 86400;
  EXPECT_EQ(expiryWarningFrom(0, 90 * kDay), 76 * kDay);
  EXPECT_EQ(expiryWarningFrom(0, 42 * kDay), 28 * kDay);
  EXPECT_EQ(expiryWarningFrom(0, 6 * kDay), 4 * kDay);
  EXPECT_EQ(expiryWarningFrom(1000, 1000 + 3600), 1000 + 2400);
  EXPECT_EQ(expiryWarningFrom(10, 5), 5) << "dates the wrong way round";
}

}  // namespace
}  // namespace culvert
