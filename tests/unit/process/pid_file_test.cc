// SPDX-License-Identifier: GPL-3.0-or-later
// The pid file's life: written, held, taken over, removed; also in a directory that is closed
// later.
#include "process/pid_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include "temp_dir.h"

namespace culvert {
namespace {

class PidFileTest : public ::testing::Test {
 protected:
  std::string content() const { return dir_.read("culvert.pid"); }
  size_t filesThere() const {
    return size_t(std::distance(std::filesystem::directory_iterator(dir_.path()),
                                std::filesystem::directory_iterator()));
  }

  TempDir dir_;
  std::string path_ = dir_ / "culvert.pid";
};

const std::string kOwn = std::to_string(::getpid()) + "\n";

TEST_F(PidFileTest, HoldsTheNumberAndGoesAtTheEnd) {
  {
    auto file = PidFile::create(path_);
    ASSERT_TRUE(file) << file.error().text;
    EXPECT_TRUE(file->held());
    EXPECT_EQ(content(), kOwn);
    EXPECT_EQ(filesThere(), 1u);
  }
  EXPECT_EQ(filesThere(), 0u);
}

TEST_F(PidFileTest, IsRefusedWhileALivingProcessHoldsIt) {
  auto first = PidFile::create(path_);
  ASSERT_TRUE(first);
  auto second = PidFile::create(path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().text, "the pid file " + path_ + " is held by process " +
                                     std::to_string(::getpid()) + ", which is running");
  EXPECT_EQ(content(), kOwn) << "the holder's file is untouched";
  first->remove();
  EXPECT_FALSE(first->held());
  EXPECT_TRUE(PidFile::create(path_));
}

TEST_F(PidFileTest, TakesOverTheFileOfADeadProcess) {
  pid_t child = ::fork();
  if (child == 0) {
    auto file = PidFile::create(path_);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(content(), std::to_string(child) + "\n");
  auto file = PidFile::create(path_);
  ASSERT_TRUE(file) << file.error().text;
  EXPECT_EQ(content(), kOwn);
  EXPECT_EQ(filesThere(), 1u);
}

TEST_F(PidFileTest, ReplacesForeignContent) {
  std::ofstream(path_) << "a much longer text than a number has\nand more\n";
  auto file = PidFile::create(path_);
  ASSERT_TRUE(file);
  EXPECT_EQ(content(), kOwn);
}

TEST_F(PidFileTest, AForkedChildDoesNotRemoveIt) {
  auto file = PidFile::create(path_);
  ASSERT_TRUE(file);
  pid_t child = ::fork();
  if (child == 0) {
    file->remove();
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(content(), kOwn);
  EXPECT_FALSE(PidFile::create(path_)) << "and the lock is still held";
}

TEST_F(PidFileTest, DoesNotRemoveAFileThatIsNoLongerItsOwn) {
  auto file = PidFile::create(path_);
  ASSERT_TRUE(file);
  std::filesystem::remove(path_);
  std::ofstream(path_) << "1\n";
  file->remove();
  EXPECT_EQ(content(), "1\n");
}

TEST_F(PidFileTest, MovesWithItsLock) {
  auto first = PidFile::create(path_);
  ASSERT_TRUE(first);
  PidFile moved;
  EXPECT_FALSE(moved.held());
  moved = std::move(*first);
  EXPECT_TRUE(moved.held());
  EXPECT_FALSE(first->held());
  EXPECT_EQ(content(), kOwn);
}

TEST_F(PidFileTest, NamesWhatFails) {
  auto missing = PidFile::create(dir_ / "none/culvert.pid");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().text, "cannot write the pid file " + dir_.path() +
                                      "/none/culvert.pid: No such file or directory");
  std::filesystem::create_symlink("/etc/passwd", path_);
  auto link = PidFile::create(path_);
  ASSERT_FALSE(link) << "a link is not followed";
  EXPECT_EQ(link.error().sysErrno, ELOOP);
  auto device = PidFile::create("/dev/null");
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().text, "the pid file /dev/null exists and is not a regular file");
}

/// Runs `body` in a child as an ordinary user; its exit status.
template <class Body>
int asOrdinaryUser(Body body) {
  pid_t child = ::fork();
  if (child == 0) {
    if (::setresgid(54321, 54321, 54321) != 0 || ::setresuid(54321, 54321, 54321) != 0) ::_exit(99);
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

TEST_F(PidFileTest, InAClosedDirectoryAnExistingFileIsWrittenInPlaceAndEmptied) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  std::ofstream(path_) << "123456789\n";
  ASSERT_EQ(::chown(path_.c_str(), 54321, 54321), 0);
  std::filesystem::permissions(dir_.path(), std::filesystem::perms(0755));
  EXPECT_EQ(asOrdinaryUser([this] {
              auto file = PidFile::create(path_);
              if (!file) return 1;
              if (content() != std::to_string(::getpid()) + "\n") return 2;
              file->remove();
              return content().empty() ? 0 : 3;
            }),
            0);
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(PidFileTest, AfterThePrivilegeDropItIsEmptiedWhereItCannotBeRemoved) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  std::filesystem::permissions(dir_.path(), std::filesystem::perms(0755));
  pid_t child = ::fork();
  if (child == 0) {
    auto file = PidFile::create(path_);
    if (!file || ::setresuid(54321, 54321, 54321) != 0) ::_exit(1);
    file->remove();
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(std::filesystem::exists(path_));
  EXPECT_EQ(content(), "");
}

}  // namespace
}  // namespace culvert
