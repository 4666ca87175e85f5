// SPDX-License-Identifier: GPL-3.0-or-later
// The server over real sockets in one thread and in simulated time: answers, limits, slow and hostile
// clients, and ends at any moment.
#include "http/http_server.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "scarce_memory.h"
#include "simulated_time.h"
#include "socket_pair.h"
#include "temp_dir.h"

namespace culvert {
namespace {

using Exchange = std::shared_ptr<HttpExchange>;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr size_t kLarge = 40'000'000;

HttpReply replyOf(std::string body) {
  HttpReply reply;
  reply.type = "text/plain";
  reply.body = std::move(body);
  return reply;
}

class HttpServerTest : public testing::Test {
 protected:
  void open(const HttpServerLimits& limits = {}) {
    server_ = std::make_unique<HttpServer>(loop_, limits, [this](Exchange exchange) {
      if (now_) return exchange->reply(replyOf("now"));
      exchanges_.push_back(std::move(exchange));
    });
    address_ = addDoor({.admin = false, .boundText = "*:1"});
  }
  SocketAddress addDoor(HttpAccess access,
                        const SocketAddress& address = SocketAddress::ipv4(INADDR_LOOPBACK, 0)) {
    auto listening = openListener(address);
    EXPECT_TRUE(listening);
    const SocketAddress bound = boundAddress(listening->get());
    lastDoor_ = server_->listen(std::move(*listening), std::move(access));
    return bound;
  }

  static UniqueFd connectTo(const SocketAddress& address) {
    ConnectStart start = startConnect(address);
    EXPECT_TRUE(start.fd && waitFd(start.fd.get(), POLLOUT) && connectResult(start.fd.get()) == 0);
    return std::move(start.fd);
  }
  UniqueFd client(std::string_view request = {}) {
    UniqueFd fd = connectTo(address_);
    EXPECT_TRUE(sendAll(fd.get(), request));
    return fd;
  }

  /// Runs turns until `done` returns true. Time stands still.
  template <class Done>
  bool turnUntil(Done done) {
    for (int i = 0; i < 20'000; ++i) {
      loop_.turn(false);
      if (done()) return true;
      ::poll(nullptr, 0, 1);
    }
    return false;
  }
  /// Lets the server handle what has arrived on loopback.
  void settle() {
    for (int i = 0; i < 20; ++i) loop_.turn(false);
  }
  void pass(Millis time) {
    settle();
    time_.advance(time + Millis(10));
    settle();
  }
  Received readAll(const UniqueFd& fd) {
    Received all;
    turnUntil([&] {
      Received part = receive(fd.get(), static_cast<size_t>(-1), 0);
      all.text += part.text;
      all.ended = part.ended;
      all.error = part.error;
      return part.ended || part.error != EAGAIN;
    });
    return all;
  }
  /// The client of a request that the handler has.
  UniqueFd asked(std::string_view request = kGet) {
    UniqueFd fd = client(request);
    const size_t before = exchanges_.size();
    EXPECT_TRUE(turnUntil([&] { return exchanges_.size() > before; }));
    return fd;
  }
  bool idle() {
    return turnUntil([this] { return server_->connections() == 0; });
  }

  SimulatedTime time_;
  EventLoop loop_;
  bool now_ = false;
  std::vector<Exchange> exchanges_;
  std::unique_ptr<HttpServer> server_;
  SocketAddress address_;
  uint32_t lastDoor_ = 0;
};

TEST_F(HttpServerTest, AnswersAtOnceAndLetsTheClientCloseFirst) {
  open();
  now_ = true;
  UniqueFd fd = client(kGet);
  const Received got = readAll(fd);
  EXPECT_EQ(got.text,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
            "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n"
            "\r\nnow");
  EXPECT_TRUE(got.ended);
  EXPECT_EQ(server_->connections(), 1u);
  fd.reset();
  EXPECT_TRUE(idle());
}

TEST_F(HttpServerTest, ARequestInAnyPiecesIsHandledOnce) {
  open();
  const UniqueFd fd = client();
  for (const char c : kGet) {
    ASSERT_TRUE(exchanges_.empty());
    ASSERT_TRUE(sendAll(fd.get(), {&c, 1}));
    settle();
  }
  ASSERT_TRUE(turnUntil([this] { return !exchanges_.empty(); }));
  ASSERT_TRUE(sendAll(fd.get(), kGet));  // a second request, which nobody reads
  settle();
  HttpReply reply = replyOf("later");
  reply.headers.emplace_back("X-More", "1");
  exchanges_[0]->reply(std::move(reply));
  exchanges_[0]->reply(replyOf("twice"));
  const Received got = readAll(fd);
  EXPECT_NE(got.text.find("\r\nX-More: 1\r\n\r\nlater"), std::string::npos) << got.text;
  EXPECT_TRUE(got.ended);
  EXPECT_EQ(exchanges_.size(), 1u);
}

TEST_F(HttpServerTest, ALargeAnswerArrivesWholeAtASlowReader) {
  open();
  const UniqueFd fd = asked();
  std::string body;
  for (int i = 0; body.size() < kLarge; ++i) body += fmt::format("{:>4000}", i);
  exchanges_[0]->reply(replyOf(body));
  std::string got;
  bool ended = false;
  ASSERT_TRUE(turnUntil([&] {
    const Received part = receive(fd.get(), 200'000, 0);
    got += part.text;
    return ended = part.ended;
  })) << got.size();
  EXPECT_TRUE(got.ends_with(body));
  EXPECT_LT(got.size(), body.size() + 500);
}

TEST_F(HttpServerTest, AHeadRequestHasNoBody) {
  open();
  const UniqueFd fd = asked("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n");
  exchanges_[0]->reply(replyOf("body"));
  const Received got = readAll(fd);
  EXPECT_NE(got.text.find("\r\nContent-Length: 4\r\n"), std::string::npos) << got.text;
  EXPECT_TRUE(got.text.ends_with("\r\n\r\n")) << got.text;
  const Received refused = readAll(client("HEAD //a HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_TRUE(refused.text.starts_with("HTTP/1.1 400 Bad Request\r\n")) << refused.text;
  EXPECT_TRUE(refused.text.ends_with("\r\n\r\n")) << refused.text;
}

TEST_F(HttpServerTest, RefusalsSayWhy) {
  open();
  const SocketAddress admin = addDoor({.admin = true, .boundText = "127.0.0.1:1"});
  const auto answer = [this](const SocketAddress& address, std::string_view request) {
    const UniqueFd fd = connectTo(address);
    EXPECT_TRUE(sendAll(fd.get(), request));
    return readAll(fd).text;
  };
  const std::string misdirected = answer(admin, kGet);
  EXPECT_TRUE(misdirected.starts_with("HTTP/1.1 421 Misdirected Request\r\n")) << misdirected;
  EXPECT_TRUE(
      misdirected.ends_with("\r\n\r\n{\"error\":\"the Host header names another server; "
                            "allowed: 127.0.0.1:1, and localhost, 127.0.0.1 or [::1] with "
                            "its port\"}\n"))
      << misdirected;
  const std::string post = answer(address_, "POST /a HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(post.starts_with("HTTP/1.1 405 Method Not Allowed\r\n")) << post;
  EXPECT_NE(post.find("\r\nAllow: GET, HEAD\r\n"), std::string::npos) << post;
  EXPECT_TRUE(exchanges_.empty());
}

TEST_F(HttpServerTest, AClientThatIsGoneGetsNoAnswer) {
  open();
  for (const bool reset : {false, true}) {
    UniqueFd fd = asked();
    if (reset) setLingerReset(fd.get());
    fd.reset();
    settle();
    exchanges_.back()->reply(replyOf(std::string(1 << 20, 'x')));
    EXPECT_TRUE(idle()) << reset;
    exchanges_.back()->reply(replyOf("again"));
    exchanges_.back()->setPatience(Millis(1));
  }
  client("GET /a").reset();  // a request that is not whole
  settle();
  EXPECT_TRUE(idle());
}

TEST_F(HttpServerTest, AnExchangeOutlivesTheServer) {
  open();
  const UniqueFd fd = asked(), other = asked();
  server_.reset();
  exchanges_[0]->reply(replyOf("late"));  // in the turn in which the server ended
  loop_.turn(false);
  exchanges_[1]->setPatience(Millis(1));
  exchanges_[1]->reply(replyOf("late"));
  EXPECT_EQ(readAll(fd).text, "");
  EXPECT_EQ(readAll(other).text, "");
  EXPECT_EQ(exchanges_[1]->request().path, "/a");
}

TEST_F(HttpServerTest, StopEndsEveryConnection) {
  open();
  const UniqueFd reading = client("GET"), handling = asked(), sending = asked();
  exchanges_[1]->reply(replyOf(std::string(kLarge, 'x')));
  server_->stop();
  EXPECT_EQ(server_->connections(), 0u);
  loop_.turn(false);
  EXPECT_EQ(readAll(reading).text, "");
  EXPECT_LT(readAll(sending).text.size(), kLarge);
  EXPECT_FALSE(startConnect(address_).connected);
}

TEST_F(HttpServerTest, AClosedDoorKeepsItsConnections) {
  open();
  const SocketAddress second = addDoor({.admin = false, .boundText = "*:2"});
  UniqueFd fd = connectTo(second);
  ASSERT_TRUE(sendAll(fd.get(), kGet));
  ASSERT_TRUE(turnUntil([this] { return exchanges_.size() == 1; }));
  EXPECT_EQ(exchanges_[0]->access().boundText, "*:2");
  server_->close(lastDoor_);
  server_->close(lastDoor_);
  exchanges_[0]->reply(replyOf("kept"));
  EXPECT_TRUE(readAll(fd).text.ends_with("kept"));
  ConnectStart refused = startConnect(second);
  EXPECT_TRUE(!refused.fd ||
              (waitFd(refused.fd.get(), POLLOUT) && connectResult(refused.fd.get()) != 0));
  asked();  // the first door
}

TEST_F(HttpServerTest, AtTheLimitClientsWaitForAPlace) {
  open({.reserved = 0});
  std::vector<UniqueFd> stalled;
  for (int i = 0; i < 64; ++i) stalled.push_back(client("GET /a"));
  ASSERT_TRUE(turnUntil([this] { return server_->connections() == 64; }));
  const UniqueFd next = client(kGet), last = client(kGet);
  settle();
  EXPECT_EQ(server_->connections(), 64u);
  EXPECT_TRUE(exchanges_.empty());
  stalled[7].reset();
  ASSERT_TRUE(turnUntil([this] { return exchanges_.size() == 1; }));
  settle();
  EXPECT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(server_->connections(), 64u);
  stalled.clear();
  ASSERT_TRUE(turnUntil([this] { return exchanges_.size() == 2; }));
  EXPECT_EQ(server_->connections(), 2u);
}

/// Whoever reaches the metrics door must not be able to shut out the operator.
TEST_F(HttpServerTest, ClientsOfMetricsLeavePlacesForAdmin) {
  open();
  const SocketAddress admin = addDoor({.admin = true, .boundText = "127.0.0.1:1"});
  std::vector<UniqueFd> stalled;
  for (int i = 0; i < 70; ++i) stalled.push_back(client("GET /a"));
  ASSERT_TRUE(turnUntil([this] { return server_->connections() == 56; }));
  settle();
  EXPECT_EQ(server_->connections(), 56u);
  std::vector<UniqueFd> operators;
  for (int i = 0; i < 9; ++i) operators.push_back(connectTo(admin));
  ASSERT_TRUE(turnUntil([this] { return server_->connections() == 64; }));
  settle();
  EXPECT_EQ(server_->connections(), 64u);
  operators.clear();
  ASSERT_TRUE(turnUntil([this] { return server_->connections() == 56; }));
  stalled.resize(10);
  ASSERT_TRUE(turnUntil([this] { return server_->connections() == 10; }));
}

TEST_F(HttpServerTest, TheStalledEndByThemselvesAndMakePlaces) {
  open({.connections = 2, .reserved = 0});
  const UniqueFd stalled[] = {client("GET"), client()}, next = client(kGet);
  ASSERT_TRUE(turnUntil([this] { return server_->connections() == 2; }));
  pass(Millis(5000));  // 408
  pass(Millis(1000));  // and no close of theirs
  EXPECT_TRUE(turnUntil([this] { return exchanges_.size() == 1; }));
}

TEST_F(HttpServerTest, ASlowRequestIsRefusedHoweverItDrips) {
  open();
  const UniqueFd fd = client();
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(sendAll(fd.get(), kGet.substr(static_cast<size_t>(i), 1)));
    pass(Millis(480));
  }
  EXPECT_EQ(receive(fd.get(), 1, 0).error, EAGAIN);
  pass(Millis(200));
  const Received got = readAll(fd);
  EXPECT_TRUE(got.text.starts_with("HTTP/1.1 408 Request Timeout\r\n")) << got.text;
  EXPECT_TRUE(got.text.ends_with("{\"error\":\"the request was not complete in time\"}\n"));
  pass(Millis(1000));
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(HttpServerTest, ARequestWithoutAnAnswerEndsWith503) {
  open();
  const UniqueFd fd = asked(), patient = asked();
  exchanges_[1]->setPatience(Millis(60'000));
  pass(Millis(9'900));
  EXPECT_EQ(receive(fd.get(), 1, 0).error, EAGAIN);
  pass(Millis(100));
  EXPECT_TRUE(readAll(fd).text.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  exchanges_[0]->reply(replyOf("late"));
  pass(Millis(40'000));
  EXPECT_EQ(receive(patient.get(), 1, 0).error, EAGAIN);
  exchanges_[1]->reply(replyOf("in time"));
  EXPECT_TRUE(readAll(patient).text.ends_with("in time"));
}

TEST_F(HttpServerTest, AReaderThatDoesNotReadIsReset) {
  open();
  const UniqueFd fd = asked();
  exchanges_[0]->reply(replyOf(std::string(kLarge, 'x')));
  pass(Millis(29'900));
  EXPECT_EQ(server_->connections(), 1u);
  pass(Millis(100));
  EXPECT_EQ(server_->connections(), 0u);
  const Received got = readAll(fd);
  EXPECT_EQ(got.error, ECONNRESET);
  EXPECT_LT(got.text.size(), kLarge);
}

TEST_F(HttpServerTest, ARefusalReachesAClientThatIsStillSending) {
  open();
  UniqueFd fd = client("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  for (int i = 0; i < 12; ++i) {
    ASSERT_TRUE(sendAll(fd.get(), std::string(16'384, 'b')));
    settle();
  }
  const Received got = readAll(fd);
  EXPECT_TRUE(got.text.starts_with("HTTP/1.1 413 Content Too Large\r\n")) << got.text;
  EXPECT_TRUE(got.ended);
  EXPECT_EQ(server_->connections(), 1u);
  fd.reset();
  EXPECT_TRUE(idle());
}

TEST_F(HttpServerTest, AClientThatSendsWithoutEndIsReset) {
  open();
  const UniqueFd fd = client("nonsense\r\n\r\n");
  const std::string block(16'384, 'b');
  EXPECT_TRUE(turnUntil([&] {
    return ::send(fd.get(), block.data(), block.size(), MSG_NOSIGNAL) < 0 && errno != EAGAIN;
  }));
  EXPECT_TRUE(idle());
}

TEST_F(HttpServerTest, AClientOfAUnixSocketIsKnown) {
  open();
  const TempDir directory;
  address_ = addDoor({.admin = true, .boundText = "unix:" + directory / "admin.sock"},
                     SocketAddress::unixPath(directory / "admin.sock"));
  const UniqueFd fd = asked("POST /a HTTP/1.0\r\nCulvert-Admin: 1\r\n\r\n");
  ASSERT_EQ(exchanges_.size(), 1u);
  const HttpPeer& peer = exchanges_[0]->peer();
  EXPECT_TRUE(peer.isUnix);
  EXPECT_EQ(peer.uid, ::geteuid());
  EXPECT_EQ(peer.gid, ::getegid());
  EXPECT_EQ(peer.pid, ::getpid());
  exchanges_[0]->reply(replyOf("hello"));
  EXPECT_TRUE(readAll(fd).text.ends_with("hello"));
}

TEST_F(HttpServerTest, AClientOfATcpSocketHasItsAddressAlone) {
  open();
  const UniqueFd fd = asked();
  const HttpPeer& peer = exchanges_[0]->peer();
  EXPECT_FALSE(peer.isUnix);
  EXPECT_EQ(peer.address.text(), boundAddress(fd.get()).text());
  EXPECT_EQ(peer.uid, uid_t(-1));
}

TEST_F(HttpServerTest, WithoutDescriptorsClientsWait) {
  open();
  now_ = true;
  const UniqueFd fd = client(kGet);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(UniqueFd(::dup(0)).get());  // the lowest free number
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  settle();
  pass(Millis(200));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(server_->connections(), 0u);
  pass(Millis(200));
  EXPECT_TRUE(readAll(fd).text.ends_with("now"));
}

/// Each allocation in turn fails, and all after it. Only the connection may suffer.
TEST_F(HttpServerTest, WithoutMemoryOnlyTheConnectionEnds) {
  open();
  now_ = true;
  size_t allowed = 0;
  for (bool served = false; !served && allowed < 200; ++allowed) {
    UniqueFd fd = client(kGet);
    {
      const ScarceMemory scarce(allowed);
      for (int i = 0; i < 30; ++i) loop_.turn(false);
    }
    Received got = receive(fd.get(), static_cast<size_t>(-1), 0);
    served = got.text.ends_with("now");
    fd.reset();
    ASSERT_TRUE(idle()) << "a place is lost after " << allowed << " allocations";
  }
  EXPECT_GT(allowed, 5u);
  EXPECT_LT(allowed, 200u);
  EXPECT_GT(loop_.memoryShortages(), 3u);
  EXPECT_TRUE(readAll(client(kGet)).text.ends_with("now"));
}

TEST_F(HttpServerTest, AnAnswerWithoutMemoryEndsTheConnection) {
  open();
  bool answered = false;
  size_t allowed = 0;
  for (; !answered && allowed < 50; ++allowed) {
    UniqueFd fd = asked();
    HttpReply reply = replyOf(std::string(1000, 'x'));
    {
      const ScarceMemory scarce(allowed);
      exchanges_.back()->reply(std::move(reply));
    }
    const Received got = readAll(fd);  // an answer or an end, at once
    answered = got.text.ends_with("xxx");
    EXPECT_TRUE(answered || got.text.empty()) << got.text;
    fd.reset();
    ASSERT_TRUE(idle());
  }
  EXPECT_TRUE(answered);
  EXPECT_EQ(loop_.memoryShortages(), allowed - 1);
}

}  // namespace
}  // namespace culvert
