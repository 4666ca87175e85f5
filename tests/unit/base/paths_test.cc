// SPDX-License-Identifier: GPL-3.0-or-later
// cannotCreate: asked of the directory, with the rights that are in force now.
#include "base/paths.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "tests/support/temp_dir.h"

namespace culvert {
namespace {

TEST(Paths, AFileCanBeMadeWhereItsDirectoryTakesIt) {
  const TempDir directory;
  EXPECT_EQ(cannotCreate(directory / "new"), 0);
  directory.write("there", "x");
  EXPECT_EQ(cannotCreate(directory / "there"), 0) << "the question is about the directory";
  EXPECT_EQ(cannotCreate("/name-in-the-root"), ::access("/", W_OK) == 0 ? 0 : errno);
  EXPECT_EQ(cannotCreate("name-in-the-working-directory"), ::access(".", W_OK) == 0 ? 0 : errno);
}

TEST(Paths, NoDirectoryNoFile) {
  const TempDir directory;
  EXPECT_EQ(cannotCreate(directory / "none/new"), ENOENT);
  directory.write("file", "x");
  EXPECT_EQ(cannotCreate(directory / "file/new"), ENOTDIR);
}

TEST(Paths, TheEffectiveUserCounts) {
  const TempDir directory;
  ASSERT_EQ(::chmod(directory.path().c_str(), 0500), 0);
  const uid_t self = ::geteuid();
  ASSERT_TRUE(self != 0 || ::seteuid(65534) == 0);
  const int error = cannotCreate(directory / "new");
  ASSERT_EQ(::seteuid(self), 0);
  EXPECT_EQ(error, EACCES);
}

}  // namespace
}  // namespace culvert
