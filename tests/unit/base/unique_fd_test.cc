// SPDX-License-Identifier: GPL-3.0-or-later
// UniqueFd closes its descriptor exactly once, whichever way it is moved, reset or given up.
#include "base/unique_fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace culvert {
namespace {

bool isOpen(int fd) { return ::fcntl(fd, F_GETFD) != -1; }
int openNull() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

TEST(UniqueFd, IsInvalidByDefault) {
  UniqueFd none;
  EXPECT_FALSE(none.valid());
  EXPECT_FALSE(none);
  EXPECT_EQ(none.get(), -1);
}

TEST(UniqueFd, ClosesAtTheEndOfItsLife) {
  int fd = openNull();
  ASSERT_GE(fd, 0);
  {
    UniqueFd owner(fd);
    EXPECT_TRUE(owner.valid());
    EXPECT_TRUE(isOpen(fd));
  }
  EXPECT_FALSE(isOpen(fd));
}

TEST(UniqueFd, MovingHandsTheDescriptorOver) {
  int fd = openNull();
  UniqueFd first(fd);
  UniqueFd second(std::move(first));
  EXPECT_FALSE(first.valid());  // NOLINT(bugprone-use-after-move): what moving leaves is the point
  EXPECT_EQ(second.get(), fd);
  EXPECT_TRUE(isOpen(fd));
}

TEST(UniqueFd, MoveAssignmentClosesWhatWasHeld) {
  int kept = openNull();
  int dropped = openNull();
  UniqueFd target(dropped);
  target = UniqueFd(kept);
  EXPECT_EQ(target.get(), kept);
  EXPECT_TRUE(isOpen(kept));
  EXPECT_FALSE(isOpen(dropped));
}

TEST(UniqueFd, ReleaseGivesUpWithoutClosing) {
  int fd = openNull();
  {
    UniqueFd owner(fd);
    EXPECT_EQ(owner.release(), fd);
    EXPECT_FALSE(owner.valid());
  }
  EXPECT_TRUE(isOpen(fd));
  ::close(fd);
}

TEST(UniqueFd, ResetClosesTheOldAndTakesTheNew) {
  int old = openNull();
  int fresh = openNull();
  UniqueFd owner(old);
  owner.reset(fresh);
  EXPECT_FALSE(isOpen(old));
  EXPECT_EQ(owner.get(), fresh);
  owner.reset();
  EXPECT_FALSE(isOpen(fresh));
  EXPECT_FALSE(owner.valid());
}

}  // namespace
}  // namespace culvert
