// SPDX-License-Identifier: GPL-3.0-or-later
// The notify protocol against a datagram socket that plays the service manager.
#include "process/sd_notify.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/unique_fd.h"
#include "temp_dir.h"

namespace culvert {
namespace {

class SdNotifyTest : public ::testing::Test {
 protected:
  ~SdNotifyTest() override { ::unsetenv("NOTIFY_SOCKET"); }

  SdNotify managedBy(const std::string& variable, const SocketAddress& address) {
    manager_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    EXPECT_EQ(::bind(manager_.get(), address.get(), address.length()), 0);
    ::setenv("NOTIFY_SOCKET", variable.c_str(), 1);
    return SdNotify::fromEnvironment();
  }
  SdNotify managed() {
    return managedBy(dir_ / "notify", SocketAddress::unixPath(dir_ / "notify"));
  }
  std::string received() {
    char buffer[1024];
    ssize_t size = ::recv(manager_.get(), buffer, sizeof buffer, 0);
    return size < 0 ? "nothing" : std::string(buffer, size_t(size));
  }

  TempDir dir_;
  UniqueFd manager_;
};

TEST_F(SdNotifyTest, WithoutAManagerItIsSilent) {
  ::unsetenv("NOTIFY_SOCKET");
  SdNotify notify = SdNotify::fromEnvironment();
  EXPECT_FALSE(notify.enabled());
  EXPECT_FALSE(notify.ready());
  EXPECT_FALSE(notify.reloading());
  EXPECT_FALSE(notify.stopping());
}

TEST_F(SdNotifyTest, IgnoresWhatIsNoAddress) {
  for (const std::string& value : {std::string(), std::string("vsock:2:1"), std::string("relative"),
                                   std::string("@"), "/" + std::string(200, 'x')}) {
    ::setenv("NOTIFY_SOCKET", value.c_str(), 1);
    EXPECT_FALSE(SdNotify::fromEnvironment().enabled()) << value;
  }
}

TEST_F(SdNotifyTest, SpeaksTheProtocol) {
  SdNotify notify = managed();
  ASSERT_TRUE(notify.enabled());
  EXPECT_EQ(std::getenv("NOTIFY_SOCKET"), nullptr) << "taken out of the environment";
  std::string ready = fmt::format("READY=1\nMAINPID={}\n", ::getpid());
  EXPECT_TRUE(notify.ready());
  EXPECT_EQ(received(), ready);
  EXPECT_TRUE(notify.ready("2 services"));
  EXPECT_EQ(received(), ready + "STATUS=2 services\n");
  EXPECT_TRUE(notify.stopping());
  EXPECT_EQ(received(), "STOPPING=1\n");
  EXPECT_TRUE(notify.stopping("draining"));
  EXPECT_EQ(received(), "STOPPING=1\nSTATUS=draining\n");
}

TEST_F(SdNotifyTest, AReloadCarriesItsTime) {
  SdNotify notify = managed();
  timespec before{};
  clock_gettime(CLOCK_MONOTONIC, &before);
  EXPECT_TRUE(notify.reloading());
  std::string message = received();
  const std::string head = "RELOADING=1\nMONOTONIC_USEC=";
  ASSERT_EQ(message.compare(0, head.size(), head), 0) << message;
  EXPECT_EQ(message.back(), '\n');
  EXPECT_GE(std::stoull(message.substr(head.size())), uint64_t(before.tv_sec) * 1000000);
}

TEST_F(SdNotifyTest, AStatusCannotSmuggleAssignments) {
  SdNotify notify = managed();
  EXPECT_TRUE(notify.stopping("a\nREADY=1"));
  EXPECT_EQ(received(), "STOPPING=1\nSTATUS=a READY=1\n");
}

TEST_F(SdNotifyTest, TakesAbstractNames) {
  std::string name = fmt::format("culvert-sd-{}", ::getpid());
  SdNotify notify = managedBy("@" + name, SocketAddress::unixPath(std::string(1, '\0') + name));
  EXPECT_TRUE(notify.stopping());
  EXPECT_EQ(received(), "STOPPING=1\n");
}

TEST_F(SdNotifyTest, AManagerThatIsGoneIsNoTrouble) {
  SdNotify notify = managed();
  manager_.reset();
  EXPECT_FALSE(notify.ready());
}

}  // namespace
}  // namespace culvert
