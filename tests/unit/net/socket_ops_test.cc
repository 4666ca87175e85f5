// SPDX-License-Identifier: GPL-3.0-or-later
// The socket calls on real sockets: loopback and UNIX.
#include "net/socket_ops.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "socket_pair.h"
#include "temp_dir.h"

namespace culvert {
namespace {

const SocketAddress kLoopback = SocketAddress::ipv4(INADDR_LOOPBACK, 0);

int intOption(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  EXPECT_EQ(getsockopt(fd, level, name, &value, &size), 0);
  return value;
}

struct Pair {
  UniqueFd listener;
  UniqueFd client;
  UniqueFd server;
  SocketAddress peer;
};

Pair connectedPair(const SocketAddress& where) {
  Pair pair;
  auto listener = openListener(where);
  EXPECT_TRUE(listener) << (listener ? "" : listener.error().text);
  if (!listener) return pair;
  pair.listener = std::move(*listener);
  ConnectStart start = startConnect(boundAddress(pair.listener.get()));
  EXPECT_TRUE(start.fd) << start.error;
  pair.client = std::move(start.fd);
  EXPECT_TRUE(waitFd(pair.client.get(), POLLOUT));
  EXPECT_EQ(connectResult(pair.client.get()), 0);
  EXPECT_TRUE(waitFd(pair.listener.get(), POLLIN));
  AcceptResult accepted = acceptOne(pair.listener.get());
  EXPECT_TRUE(accepted.fd) << accepted.error;
  pair.server = std::move(accepted.fd);
  pair.peer = accepted.peer;
  return pair;
}

TEST(SocketOps, AcceptsAndNamesBothEnds) {
  Pair pair = connectedPair(kLoopback);
  EXPECT_EQ(pair.peer, boundAddress(pair.client.get()));
  for (int fd : {pair.listener.get(), pair.client.get(), pair.server.get()}) {
    EXPECT_TRUE(fcntl(fd, F_GETFL) & O_NONBLOCK);
    EXPECT_TRUE(fcntl(fd, F_GETFD) & FD_CLOEXEC);
  }
  AcceptResult empty = acceptOne(pair.listener.get());
  EXPECT_FALSE(empty.fd);
  EXPECT_EQ(empty.error, EAGAIN);
}

TEST(SocketOps, AWildcardListenerTakesBothFamilies) {
  auto listener = openWildcardListener(0);
  ASSERT_TRUE(listener) << listener.error().text;
  SocketAddress bound = boundAddress(listener->get());
  EXPECT_EQ(listenerText(listener->get()),
            bound.isIpv6() ? "*:" + std::to_string(bound.port()) : bound.text());
  ConnectStart client = startConnect(SocketAddress::ipv4(INADDR_LOOPBACK, bound.port()));
  ASSERT_TRUE(waitFd(listener->get(), POLLIN));
  AcceptResult accepted = acceptOne(listener->get());
  EXPECT_TRUE(accepted.peer.isIpv4()) << accepted.peer.text();
  EXPECT_TRUE(boundAddress(accepted.fd.get()).isIpv4());
  if (!bound.isIpv6()) GTEST_SKIP() << "no IPv6 here";
  ConnectStart client6 = startConnect(SocketAddress::ipv6(in6addr_loopback, bound.port()));
  ASSERT_TRUE(waitFd(listener->get(), POLLIN));
  EXPECT_TRUE(acceptOne(listener->get()).peer.isIpv6());
}

TEST(SocketOps, AnIpv6ListenerIsIpv6Only) {
  auto listener = openListener(SocketAddress::ipv6(in6addr_any, 0));
  if (!listener) GTEST_SKIP() << "no IPv6 here: " << listener.error().text;
  uint16_t port = boundAddress(listener->get()).port();
  EXPECT_EQ(listenerText(listener->get()), "[::]:" + std::to_string(port));
  // The same port is free for IPv4.
  auto v4 = openListener(SocketAddress::ipv4(INADDR_ANY, port));
  EXPECT_TRUE(v4) << v4.error().text;
}

TEST(SocketOps, AnAddressInUseIsAnErrorThatNamesIt) {
  auto first = openListener(kLoopback);
  ASSERT_TRUE(first);
  SocketAddress taken = boundAddress(first->get());
  auto second = openListener(taken);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().sysErrno, EADDRINUSE);
  EXPECT_EQ(second.error().text, "cannot listen on " + taken.text() + ": Address already in use");
  auto third = openWildcardListener(taken.port());
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().sysErrno, EADDRINUSE);
}

TEST(SocketOps, AnAddressOfAnotherHostIsAnError) {
  auto listener = openListener(SocketAddress::ipv4(0xc0000201, 0));  // 192.0.2.1, TEST-NET-1
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().sysErrno, EADDRNOTAVAIL);
}

TEST(SocketOps, ARefusedConnectSaysSo) {
  SocketAddress gone;
  {
    auto listener = openListener(kLoopback);
    ASSERT_TRUE(listener);
    gone = boundAddress(listener->get());
  }
  ConnectStart start = startConnect(gone);
  if (start.fd) {
    ASSERT_TRUE(waitFd(start.fd.get(), POLLOUT));
    EXPECT_EQ(connectResult(start.fd.get()), ECONNREFUSED);
  } else {
    EXPECT_EQ(start.error, ECONNREFUSED);
  }
  EXPECT_EQ(startConnect(SocketAddress()).error, EAFNOSUPPORT);
}

TEST(SocketOps, SetsTcpOptions) {
  Pair pair = connectedPair(kLoopback);
  int fd = pair.server.get();
  EXPECT_EQ(setTunnelSocketOptions(fd), 0);
  EXPECT_EQ(intOption(fd, IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(intOption(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(intOption(fd, IPPROTO_TCP, TCP_KEEPIDLE), 60);
  EXPECT_EQ(intOption(fd, IPPROTO_TCP, TCP_KEEPINTVL), 15);
  EXPECT_EQ(intOption(fd, IPPROTO_TCP, TCP_KEEPCNT), 4);
  EXPECT_EQ(setNotSentLowat(fd, 16384), 0);
  EXPECT_EQ(intOption(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT), 16384);
  EXPECT_EQ(setNoDelay(-1), EBADF);
}

TEST(SocketOps, TcpOptionsAreNothingToAUnixSocket) {
  TempDir dir;
  Pair pair = connectedPair(SocketAddress::unixPath(dir / "s"));
  int fd = pair.server.get();
  EXPECT_EQ(setTunnelSocketOptions(fd), 0);
  EXPECT_EQ(setNotSentLowat(fd, 1), 0);
  EXPECT_EQ(setLingerReset(fd), 0);
}

TEST(SocketOps, CountsWhatThePeerHasNotAcknowledged) {
  Pair pair = connectedPair(kLoopback);
  std::string block(1 << 20, 'x');
  ssize_t sent = ::send(pair.client.get(), block.data(), block.size(), MSG_NOSIGNAL);
  ASSERT_GT(sent, 0);
  // Fill it until the kernel takes no more: then something waits in the queue.
  while (::send(pair.client.get(), block.data(), block.size(), MSG_NOSIGNAL) > 0) {
  }
  EXPECT_GT(outQueueBytes(pair.client.get()), 0u);
  EXPECT_EQ(outQueueBytes(pair.server.get()), 0u);
  EXPECT_EQ(outQueueBytes(-1), 0u);
}

TEST(SocketOps, UnixOutQueueIsEmptyOnceAllWasRead) {
  TempDir dir;
  Pair pair = connectedPair(SocketAddress::unixPath(dir / "s"));
  ASSERT_EQ(::send(pair.client.get(), "hello", 5, MSG_NOSIGNAL), 5);
  EXPECT_GT(outQueueBytes(pair.client.get()), 0u);
  char buffer[8];
  ASSERT_EQ(::recv(pair.server.get(), buffer, sizeof buffer, 0), 5);
  EXPECT_EQ(outQueueBytes(pair.client.get()), 0u);
}

TEST(SocketOps, AResetIsAHangUpAndStaysReadable) {
  Pair pair = connectedPair(kLoopback);
  EXPECT_FALSE(hungUp(pair.server.get()));
  EXPECT_EQ(setLingerReset(pair.client.get()), 0);
  pair.client.reset();
  ASSERT_TRUE(waitFd(pair.server.get(), POLLIN));
  EXPECT_TRUE(hungUp(pair.server.get()));
  EXPECT_TRUE(hungUp(pair.server.get())) << "asking consumes nothing";
  char byte;
  EXPECT_EQ(::recv(pair.server.get(), &byte, 1, 0), -1);
  EXPECT_EQ(errno, ECONNRESET);
}

TEST(SocketOps, AnOrderlyEndIsNoHangUp) {
  Pair pair = connectedPair(kLoopback);
  ASSERT_EQ(::send(pair.client.get(), "x", 1, MSG_NOSIGNAL), 1);
  ASSERT_EQ(::shutdown(pair.client.get(), SHUT_WR), 0);
  ASSERT_EQ(::shutdown(pair.server.get(), SHUT_WR), 0);
  ASSERT_TRUE(waitFd(pair.server.get(), POLLIN | POLLRDHUP));
  EXPECT_FALSE(hungUp(pair.server.get()));
  EXPECT_FALSE(hungUp(pair.client.get()));
}

TEST(SocketOps, AUnixPeerThatClosedIsNoHangUpUnlessItLostInput) {
  TempDir dir;
  Pair pair = connectedPair(SocketAddress::unixPath(dir / "s"));
  ASSERT_EQ(::send(pair.client.get(), "last", 4, MSG_NOSIGNAL), 4);
  pair.client.reset();
  EXPECT_FALSE(hungUp(pair.server.get()));
  char buffer[8];
  EXPECT_EQ(::recv(pair.server.get(), buffer, sizeof buffer, 0), 4);

  Pair second = connectedPair(SocketAddress::unixPath(dir / "t"));
  ASSERT_EQ(::send(second.server.get(), "lost", 4, MSG_NOSIGNAL), 4);
  second.client.reset();
  EXPECT_TRUE(hungUp(second.server.get()));
}

TEST(UnixListener, HasItsModeBeforeTheFirstConnection) {
  TempDir dir;
  std::string path = dir / "s";
  mode_t before = ::umask(0077);
  auto listener = openListener(SocketAddress::unixPath(path));
  ::umask(before);
  ASSERT_TRUE(listener) << listener.error().text;
  struct stat info {};
  ASSERT_EQ(::lstat(path.c_str(), &info), 0);
  EXPECT_TRUE(S_ISSOCK(info.st_mode));
  EXPECT_EQ(info.st_mode & 07777, 0660u);
  EXPECT_EQ(listenerText(listener->get()), "unix:" + path);
}

TEST(UnixListener, GivesItsFileToTheOwnerItIsToldOf) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  TempDir dir;
  std::string path = dir / "s";
  ListenOptions options;
  options.unixOwner = 12345;
  options.unixGroup = 23456;
  ASSERT_TRUE(openListener(SocketAddress::unixPath(path), options));
  struct stat info {};
  ASSERT_EQ(::lstat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 12345u);
  EXPECT_EQ(info.st_gid, 23456u);
}

TEST(UnixListener, ReplacesAStaleFileButNotALivingListener) {
  TempDir dir;
  SocketAddress address = SocketAddress::unixPath(dir / "s");
  auto first = openListener(address);
  ASSERT_TRUE(first);
  auto second = openListener(address);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().sysErrno, EADDRINUSE);
  first->reset();  // the file stays
  auto third = openListener(address);
  EXPECT_TRUE(third) << third.error().text;
}

TEST(UnixListener, ALivingListenerWithAFullQueueIsNotStale) {
  TempDir dir;
  SocketAddress address = SocketAddress::unixPath(dir / "s");
  ListenOptions options;
  options.backlog = 0;
  auto first = openListener(address, options);
  ASSERT_TRUE(first);
  std::vector<UniqueFd> clients;
  ConnectStart start = startConnect(address);
  for (int i = 0; i < 100 && start.fd; ++i) {
    EXPECT_TRUE(start.connected);
    clients.push_back(std::move(start.fd));
    start = startConnect(address);
  }
  EXPECT_EQ(start.error, EAGAIN);
  auto second = openListener(address);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().sysErrno, EADDRINUSE);
}

TEST(UnixListener, TouchesNoFileThatIsNoSocket) {
  TempDir dir;
  std::string path = dir / "precious";
  { UniqueFd file(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)); }
  auto listener = openListener(SocketAddress::unixPath(path));
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().text,
            "cannot listen on unix:" + path + ": the file is not a socket: Address already in use");
  EXPECT_TRUE(std::filesystem::exists(path));
  removeUnixSocket(SocketAddress::unixPath(path));
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(UnixListener, IsRemovedOnlyWhenNobodyAnswers) {
  TempDir dir;
  std::string path = dir / "s";
  auto listener = openListener(SocketAddress::unixPath(path));
  ASSERT_TRUE(listener);
  removeUnixSocket(SocketAddress::unixPath(path));
  EXPECT_TRUE(std::filesystem::exists(path));
  listener->reset();
  removeUnixSocket(SocketAddress::unixPath(path));
  EXPECT_FALSE(std::filesystem::exists(path));
  removeUnixSocket(kLoopback);
}

TEST(UnixListener, AMissingDirectoryIsAnError) {
  auto listener = openListener(SocketAddress::unixPath("/nonexistent/s"));
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().sysErrno, ENOENT);
  EXPECT_EQ(startConnect(SocketAddress::unixPath("/nonexistent/s")).error, ENOENT);
}

TEST(AcceptErrors, AreSorted) {
  EXPECT_TRUE(acceptErrorIsTransient(ECONNABORTED));
  EXPECT_FALSE(acceptErrorIsTransient(EAGAIN));
  EXPECT_FALSE(acceptErrorIsTransient(EMFILE));
  EXPECT_FALSE(acceptErrorIsTransient(EBADF));
}

}  // namespace
}  // namespace culvert
