// SPDX-License-Identifier: GPL-3.0-or-later
// One request over real sockets: the next address when one refuses, deadlines, and an end at any
// moment.
#include "http/http_post.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <optional>
#include <string>

#include "event/event_loop.h"
#include "net/socket_ops.h"

namespace culvert {
namespace {

constexpr std::string_view kBody = "request";

class HttpPostTest : public testing::Test {
 protected:
  void SetUp() override {
    auto listener = openListener(SocketAddress::ipv4(INADDR_LOOPBACK, 0));
    ASSERT_TRUE(listener);
    listener_ = std::move(*listener);
  }

  SocketAddress address() const { return boundAddress(listener_.get()); }
  /// Nobody listens there.
  static SocketAddress refusing() {
    auto closed = openListener(SocketAddress::ipv4(INADDR_LOOPBACK, 0));
    return boundAddress(closed->get());
  }

  void post(AddressSet addresses, HttpLimits limits = {}) {
    HttpUrl url;
    url.host = "responder.example.org";
    url.path = "/path";
    post_ = std::make_unique<HttpPost>(
        loop_, url, "text/x",
        std::span(reinterpret_cast<const uint8_t*>(kBody.data()), kBody.size()),
        std::move(addresses), limits, [this](HttpResult result) {
          ASSERT_FALSE(result_) << "told twice";
          result_ = std::move(result);
        });
    post_->start();
  }

  template <class Done>
  void turnUntil(Done done) {
    const TimePoint end = Clock::now() + std::chrono::seconds(10);
    while (!done() && Clock::now() < end) loop_.turn(false);
    ASSERT_TRUE(done());
  }

  void accept() {
    turnUntil([this] {
      if (!peer_) peer_ = acceptOne(listener_.get()).fd;
      return peer_.valid();
    });
  }

  /// All that has been sent, up to the body's end.
  std::string request() {
    std::string text;
    turnUntil([&] {
      char piece[4096];
      const ssize_t size = ::recv(peer_.get(), piece, sizeof(piece), MSG_DONTWAIT);
      if (size > 0) text.append(piece, static_cast<size_t>(size));
      return text.ends_with(kBody);
    });
    return text;
  }

  void answer(std::string_view text) {
    ASSERT_EQ(::send(peer_.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }

  void waitForResult() {
    turnUntil([this] { return result_.has_value(); });
  }

  EventLoop loop_;
  UniqueFd listener_;
  UniqueFd peer_;
  std::optional<HttpResult> result_;
  std::unique_ptr<HttpPost> post_;
};

TEST_F(HttpPostTest, SendsARequestAndReadsTheAnswer) {
  post({address()});
  accept();
  EXPECT_EQ(request(),
            "POST /path HTTP/1.0\r\nHost: responder.example.org\r\nUser-Agent: culvert\r\n"
            "Content-Type: text/x\r\nContent-Length: 7\r\n\r\nrequest");
  answer("HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nans");
  answer("wer");
  waitForResult();
  ASSERT_TRUE(*result_) << result_->error().text;
  EXPECT_EQ(std::string(result_->value().begin(), result_->value().end()), "answer");
}

TEST_F(HttpPostTest, TriesTheNextAddress) {
  post({refusing(), address()});
  accept();
  request();
  answer("HTTP/1.0 200 OK\r\n\r\n");
  peer_.reset();
  waitForResult();
  EXPECT_TRUE(*result_);
}

TEST_F(HttpPostTest, TellsThatNobodyIsThere) {
  post({refusing(), refusing()});
  waitForResult();
  ASSERT_FALSE(*result_);
  EXPECT_TRUE(result_->error().silent);
  EXPECT_EQ(result_->error().text, "cannot be reached: Connection refused");
}

TEST_F(HttpPostTest, ARefusalIsNoSilence) {
  post({address()});
  accept();
  request();
  answer("HTTP/1.0 500 No\r\n\r\n");
  waitForResult();
  ASSERT_FALSE(*result_);
  EXPECT_FALSE(result_->error().silent);
  EXPECT_EQ(result_->error().text, "answers 500 No");
}

TEST_F(HttpPostTest, HasADeadline) {
  HttpLimits limits;
  limits.timeout = Millis(1000);
  post({address()}, limits);
  accept();
  request();
  waitForResult();
  ASSERT_FALSE(*result_);
  EXPECT_TRUE(result_->error().silent);
  EXPECT_EQ(result_->error().text, "does not answer within 1 s");
}

TEST_F(HttpPostTest, ATrickleDoesNotMoveTheDeadline) {
  HttpLimits limits;
  limits.timeout = Millis(300);
  post({address()}, limits);
  accept();
  request();
  answer("HTTP/1.0 200 OK\r\n");
  waitForResult();
  ASSERT_FALSE(*result_);
  EXPECT_FALSE(result_->error().silent) << "it has said something";
}

TEST_F(HttpPostTest, IsBounded) {
  HttpLimits limits;
  limits.maxBody = 10;
  post({address()}, limits);
  accept();
  request();
  answer("HTTP/1.0 200 OK\r\n\r\nmore than ten");
  waitForResult();
  ASSERT_FALSE(*result_);
  EXPECT_EQ(result_->error().text, "sends more than 10 bytes");
}

TEST_F(HttpPostTest, AfterACancelNothingIsTold) {
  post({address()});
  accept();
  request();
  answer("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n");
  post_->cancel();
  for (int i = 0; i < 10; ++i) loop_.turn(false);
  EXPECT_FALSE(result_);
}

}  // namespace
}  // namespace culvert
