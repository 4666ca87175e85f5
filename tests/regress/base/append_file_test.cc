// SPDX-License-Identifier: GPL-3.0-or-later
// Done: culvert, started as root, had its log file in a directory of another user, who put a link
// to a file of root's there. Seen: culvert appended to that file. Right: links and hard links that
// another user could have made lead nowhere; links of root and of one's own do.
#include "base/append_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "temp_dir.h"

namespace culvert {
namespace {

constexpr uid_t kStranger = 65534;

class AppendFile : public testing::Test {
 protected:
  std::string wordsOf(const std::string& path, const AppendOptions& options = {}) {
    const auto opened = openForAppend(path, options);
    const auto checked = checkAppendPath(path, options.owner);
    if (opened.has_value() != checked.has_value()) return "checkAppendPath() disagrees";
    if (opened) return "";
    EXPECT_EQ(checked.error().text, opened.error().text);
    return opened.error().text;
  }
  void give(const std::string& path, uid_t user) {
    ASSERT_EQ(::lchown(path.c_str(), user, gid_t(user)), 0);
  }
  std::string makeDirectory(const std::string& name, mode_t mode, uid_t user) {
    const std::string path = dir_ / name;
    std::filesystem::create_directory(path);
    ::chmod(path.c_str(), mode);
    give(path, user);
    return path;
  }
  std::string link(const std::string& target, const std::string& path, uid_t user) {
    EXPECT_EQ(::symlink(target.c_str(), path.c_str()), 0);
    give(path, user);
    return path;
  }

  TempDir dir_;
  const std::string victim_ = dir_.write("victim", "");
};

TEST_F(AppendFile, OrdinaryPathsAndOwnLinks) {
  const std::string file = dir_ / "log";
  EXPECT_EQ(wordsOf(file), "");
  EXPECT_EQ(wordsOf(file), "") << "again";
  struct stat info {};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(
      info.st_mode & 07777, 0640u & ~[] {
        const mode_t mask = ::umask(0);
        ::umask(mask);
        return mask;
      }());
  std::filesystem::create_directory(dir_ / "deep");
  ASSERT_EQ(::symlink("../log", (dir_ / "deep/link").c_str()), 0);
  ASSERT_EQ(::symlink(dir_.path().c_str(), (dir_ / "deep/up").c_str()), 0);
  for (const char* path : {"deep/link", "deep//./link", "deep/up/deep/../log", "deep/up/new"})
    EXPECT_EQ(wordsOf(dir_ / path), "") << path;
  const std::string before = std::filesystem::current_path();
  std::filesystem::current_path(dir_.path());
  EXPECT_EQ(wordsOf("log"), "");
  EXPECT_EQ(wordsOf("./deep/link"), "");
  std::filesystem::current_path(before);
  EXPECT_EQ(wordsOf("/dev/null"), "");
  const auto opened = openForAppend("/proc/self/fd/1");  // what /dev/stdout leads to
  EXPECT_TRUE(opened || opened.error().sysErrno == ENXIO) << opened.error().text;
}

TEST_F(AppendFile, WhatCannotBeOpenedSaysWhy) {
  EXPECT_EQ(openForAppend(dir_ / "no/log").error().text, "No such file or directory");
  EXPECT_EQ(openForAppend(dir_ / "victim/log").error().text, "Not a directory");
  EXPECT_EQ(openForAppend(dir_.path()).error().sysErrno, EISDIR);
  EXPECT_EQ(openForAppend(dir_.path() + "/").error().sysErrno, EISDIR);
  ASSERT_EQ(::symlink("nothing", (dir_ / "dangling").c_str()), 0);
  EXPECT_EQ(openForAppend(dir_ / "dangling").error().text, "it is a dangling link");
  ASSERT_EQ(::symlink("loop", (dir_ / "loop").c_str()), 0);
  EXPECT_EQ(openForAppend(dir_ / "loop").error().sysErrno, ELOOP);
}

TEST_F(AppendFile, InADirectoryOfAnotherUserNoLinkIsFollowed) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::string theirs = makeDirectory("theirs", 0755, kStranger);
  const std::string words =
      " is a symbolic link in a directory of user 65534; allowed: a link in a directory of root or "
      "of culvert's own user";
  EXPECT_EQ(wordsOf(link(victim_, theirs + "/log", kStranger)), "\"log\"" + words);
  EXPECT_EQ(wordsOf(link(victim_, theirs + "/roots", 0)), "\"roots\"" + words)
      << "the directory's owner can move it there";
  link(dir_.path(), theirs + "/way", kStranger);
  EXPECT_EQ(wordsOf(theirs + "/way/new"), "\"way\"" + words);
  EXPECT_FALSE(std::filesystem::exists(dir_ / "new"));
  // A link of root's that leads into their directory, and on from there.
  EXPECT_EQ(wordsOf(link("theirs/log", dir_ / "first", 0)), "\"log\"" + words);
}

TEST_F(AppendFile, InADirectoryOfAnotherUserFilesHaveOneNameAndAnOwnerInPlace) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::string theirs = makeDirectory("theirs", 0755, kStranger);
  ASSERT_EQ(::link(victim_.c_str(), (theirs + "/hard").c_str()), 0);
  EXPECT_EQ(wordsOf(theirs + "/hard"),
            "it has more than one hard link, in a directory that other users can write");
  AppendOptions options;
  options.owner = options.group = 4711;
  EXPECT_EQ(wordsOf(theirs + "/made", options), "");
  EXPECT_EQ(wordsOf(theirs + "/made", options), "") << "that of the user to become";
  EXPECT_EQ(wordsOf(theirs + "/made"),
            "it belongs to user 4711, in a directory that other users can write");
  give(theirs + "/made", kStranger);
  EXPECT_EQ(wordsOf(theirs + "/made"), "") << "the directory's owner could write it anyway";
  EXPECT_EQ(wordsOf(theirs + "/roots"), "");
  EXPECT_EQ(wordsOf(theirs + "/roots"), "");
}

TEST_F(AppendFile, InADirectoryForEverybodyLinksAndFilesAreOnesOwn) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::string open = makeDirectory("open", 01777, 0);
  EXPECT_EQ(wordsOf(link(victim_, open + "/log", kStranger)),
            "\"log\" is a symbolic link of user 65534 in a directory that others can write; "
            "allowed: a link of root or of culvert's own user");
  EXPECT_EQ(wordsOf(link(victim_, open + "/own", 0)), "");
  give(dir_.write("open/file", ""), kStranger);
  EXPECT_EQ(wordsOf(open + "/file"),
            "it belongs to user 65534, in a directory that other users can write");
}

}  // namespace
}  // namespace culvert
