// SPDX-License-Identifier: GPL-3.0-or-later
// Result and Error carry either a value or words for a person, with the system's own words where a
// system call failed.
#include "base/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

namespace culvert {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return fail("odd number");
  return number / 2;
}

TEST(Result, HoldsAValue) {
  Result<int> result = half(8);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(*result, 4);
}

TEST(Result, HoldsAnErrorInWords) {
  Result<int> result = half(7);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().text, "odd number");
  EXPECT_EQ(result.error().sysErrno, 0);
}

TEST(Result, CarriesMoveOnlyValues) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(3);
  std::unique_ptr<int> taken = std::move(*result);
  EXPECT_EQ(*taken, 3);
}

TEST(Result, FailErrnoAddsTheSystemsWords) {
  Result<void> result = failErrno("cannot open /nowhere", ENOENT);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().text, "cannot open /nowhere: No such file or directory");
  EXPECT_EQ(result.error().sysErrno, ENOENT);
}

TEST(Result, ErrnoTextKnowsUnknownNumbers) {
  EXPECT_EQ(errnoText(EACCES), "Permission denied");
  EXPECT_NE(errnoText(99999).find("99999"), std::string::npos);
}

}  // namespace
}  // namespace culvert
