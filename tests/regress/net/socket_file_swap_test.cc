// SPDX-License-Identifier: GPL-3.0-or-later
// Done: a link to another file was put in the place of a UNIX listener's file, right after bind().
// Seen: chmod() followed the link and changed that file's mode; lchown() gave away whatever had the
// name, a hard link too. Right: the file is made with its mode, and nothing but a socket with one
// name changes its owner.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <functional>

#include "net/socket_ops.h"
#include "temp_dir.h"

namespace {
std::function<void()> afterBind;  // of the next bind() to a UNIX address
}

// What the sources call instead of the C library's.
extern "C" int bind(int fd, const sockaddr* address, socklen_t length) noexcept {
  const int result = int(::syscall(SYS_bind, fd, address, length));
  if (result == 0 && address->sa_family == AF_UNIX && afterBind)
    std::exchange(afterBind, nullptr)();
  return result;
}

namespace culvert {
namespace {

mode_t modeOf(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
}

class SocketFileSwap : public testing::Test {
 protected:
  SocketFileSwap() { ::chmod(victim_.c_str(), 0600); }
  ~SocketFileSwap() override { afterBind = nullptr; }

  TempDir dir_;
  const std::string path_ = dir_ / "socket";
  const std::string victim_ = dir_.write("victim", "");
  const SocketAddress address_ = SocketAddress::unixPath(path_);
};

TEST_F(SocketFileSwap, ALinkIsNotFollowed) {
  for (const uid_t owner : {uid_t(-1), ::geteuid()}) {
    afterBind = [this] {
      ASSERT_EQ(::rename(path_.c_str(), (path_ + ".away").c_str()), 0);
      ASSERT_EQ(::symlink(victim_.c_str(), path_.c_str()), 0);
    };
    ListenOptions options;
    options.unixOwner = owner;
    const auto listener = openListener(address_, options);
    EXPECT_FALSE(afterBind) << "nothing was swapped";
    EXPECT_EQ(modeOf(victim_), 0600u);
    EXPECT_EQ(modeOf(path_ + ".away"), 0660u);
    ::unlink(path_.c_str());
    ::unlink((path_ + ".away").c_str());
  }
}

TEST_F(SocketFileSwap, AHardLinkIsNotGivenAway) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  afterBind = [this] {
    ASSERT_EQ(::unlink(path_.c_str()), 0);
    ASSERT_EQ(::link(victim_.c_str(), path_.c_str()), 0);
  };
  ListenOptions options;
  options.unixOwner = options.unixGroup = 65534;
  const auto listener = openListener(address_, options);
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().text, "cannot listen on unix:" + path_ +
                                       ": cannot set the owner of the socket file: File exists");
  struct stat info {};
  ASSERT_EQ(::stat(victim_.c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 0u);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
}

TEST_F(SocketFileSwap, ModeAndOwnerAreRightWhateverTheUmask) {
  for (const mode_t mask : {0000, 0022, 0077, 0777}) {
    const mode_t before = ::umask(mask);
    ListenOptions options;
    options.unixMode = 0620;
    if (::geteuid() == 0) options.unixOwner = options.unixGroup = 65534;
    const auto listener = openListener(address_, options);
    EXPECT_EQ(::umask(before), mask);
    ASSERT_TRUE(listener) << listener.error().text;
    struct stat info {};
    ASSERT_EQ(::lstat(path_.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0620u) << mask;
    EXPECT_EQ(info.st_uid, ::geteuid() == 0 ? 65534u : ::geteuid());
    ::unlink(path_.c_str());
  }
}

}  // namespace
}  // namespace culvert
