// SPDX-License-Identifier: GPL-3.0-or-later
// Telling that a file has changed, and where to watch for it.
#include "base/file_stamp.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "temp_dir.h"

namespace culvert {
namespace {

TEST(FileStampTest, ChangesWithTheFileAndFollowsLinks) {
  TempDir dir;
  EXPECT_FALSE(stampOf(dir / "none").exists());
  const std::string file = dir.write("a", "one");
  const FileStamp first = stampOf(file);
  EXPECT_TRUE(first.exists() && first.regular);
  EXPECT_EQ(first.size, 3);
  EXPECT_EQ(stampOf(file), first);
  ASSERT_EQ(::symlink("a", (dir / "link").c_str()), 0);
  EXPECT_EQ(stampOf(dir / "link"), first);
  dir.write("a", "four");
  EXPECT_NE(stampOf(file), first);
  dir.write("b", "one");
  ASSERT_EQ(::rename((dir / "b").c_str(), file.c_str()), 0);
  EXPECT_NE(stampOf(dir / "link").inode, first.inode);
  EXPECT_FALSE(stampOf(dir.path()).regular);
}

/// Kubernetes: the files are links through `..data`, itself a link to the version's directory.
TEST(FileStampTest, EveryDirectoryOnTheWayIsNamed) {
  TempDir dir;
  dir.write("secret/..v1/tls.crt", "x");
  ASSERT_EQ(::symlink("..v1", (dir / "secret/..data").c_str()), 0);
  ASSERT_EQ(::symlink("..data/tls.crt", (dir / "secret/tls.crt").c_str()), 0);
  ASSERT_EQ(::symlink((dir / "secret").c_str(), (dir / "mount").c_str()), 0);
  const auto found = directoriesTowards(dir / "mount/tls.crt");
  const auto names = [&](const std::string& path) {
    return std::find(found.begin(), found.end(), path) != found.end();
  };
  EXPECT_TRUE(names(dir.path())) << "holds the link `mount`";
  EXPECT_TRUE(names(dir / "secret")) << "holds tls.crt and ..data";
  EXPECT_TRUE(names(dir / "secret/..v1")) << "holds the file";
  EXPECT_EQ(std::count(found.begin(), found.end(), dir / "secret"), 1);
}

TEST(FileStampTest, ALoopOfLinksEnds) {
  TempDir dir;
  ASSERT_EQ(::symlink("b", (dir / "a").c_str()), 0);
  ASSERT_EQ(::symlink("a", (dir / "b").c_str()), 0);
  EXPECT_FALSE(directoriesTowards(dir / "a").empty());
  EXPECT_FALSE(stampOf(dir / "a").exists());
}

TEST(FileStampTest, ARelativePathBeginsHere) {
  EXPECT_EQ(directoriesTowards("some.pem"), (std::vector<std::string>{"."}));
  EXPECT_EQ(directoriesTowards("x/some.pem"), (std::vector<std::string>{"x"}));
  EXPECT_EQ(directoriesTowards("/none.pem"), (std::vector<std::string>{"/"}));
}

}  // namespace
}  // namespace culvert
