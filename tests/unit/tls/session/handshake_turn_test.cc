// SPDX-License-Identifier: GPL-3.0-or-later
// A TlsStream whose full handshake waits for handshake-rate.
#include <gtest/gtest.h>

#include <memory>

#include "tls/protocol/alert_number.h"
#include "tls/session/wolf_alert.h"
#include "unit/tls/support/tls_stream_fixture.h"

namespace culvert {
namespace {

class HandshakeTurnTest : public TlsStreamTest, private StreamObserver {
 protected:
  void SetUp() override {
    open();
    stream_->setObserver(this);
  }
  void TearDown() override { stream_.reset(); }

  void setRate(uint64_t number, bool exhausted = true) {
    rate_->setRate(number);
    while (exhausted && rate_->reserve(loop_.now()) <= loop_.now()) {
    }
    stream_->setTurn(turn());
  }
  std::unique_ptr<HandshakeTurn> turn() {
    return worker_.gates.turnFor(rate_, SocketAddress::ipv4(INADDR_LOOPBACK, 7));
  }
  /// Gives the client's hello to the stream.
  IoStatus sayHello() {
    EXPECT_FALSE(client_->connect());
    client_->flush();
    EXPECT_TRUE(waitFd(stream_->fd(), POLLIN));
    return stream_->handshake();
  }
  void awaitTurn() {
    while (called_ == 0) loop_.turn(true);
  }
  uint64_t count(Counter counter) const { return counters_.get(counter); }

  std::shared_ptr<HandshakeRate> rate_ = std::make_shared<HandshakeRate>();
  int called_ = 0;

 private:
  void onReadable() override { ++called_; }
  void onWritable() override {}
};

TEST_F(HandshakeTurnTest, PassesAtOnceWhileThereAreTokens) {
  setRate(100, false);
  EXPECT_EQ(shakeHands(), IoStatus::kOk);
  EXPECT_EQ(count(Counter::kHandshakesDelayed), 0u);
  EXPECT_EQ(called_, 0);
}

TEST_F(HandshakeTurnTest, WaitsBeforeASessionExistsAndThenCompletes) {
  setRate(20);
  ASSERT_EQ(sayHello(), IoStatus::kBlocked);
  ASSERT_TRUE(stream_->handshakeDelay().has_value());
  EXPECT_EQ(stream_->handshakeDelay()->text(), "limit:handshake-rate");
  EXPECT_EQ(count(Counter::kHandshakesDelayed), 1u);
  EXPECT_EQ(stream_->handshake(), IoStatus::kBlocked) << "nothing has arrived";
  EXPECT_EQ(worker_.contexts.size(), 1u);
  EXPECT_EQ(stream_->transmitted(), 0u) << "no answer yet";
  awaitTurn();
  ASSERT_EQ(stream_->handshake(), IoStatus::kBlocked) << "the hello is answered";
  EXPECT_FALSE(stream_->handshakeDelay().has_value());
  EXPECT_EQ(shakeHands(), IoStatus::kOk);
  EXPECT_EQ(called_, 1);
  EXPECT_EQ(count(Counter::kHandshakesOk), 1u);
}

TEST_F(HandshakeTurnTest, NoticesThatTheClientHasLeft) {
  setRate(1);
  ASSERT_EQ(sayHello(), IoStatus::kBlocked);
  peer_.reset();
  ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
  EXPECT_EQ(stream_->handshake(), IoStatus::kTruncated);
  EXPECT_EQ(stream_->handshakeFailure(), HandshakeFailure::kClosed);
}

TEST_F(HandshakeTurnTest, KeepsWhatAClientSendsMeanwhileUpToABound) {
  setRate(1);
  ASSERT_EQ(sayHello(), IoStatus::kBlocked);
  const std::string block(8192, 'x');
  IoStatus status = IoStatus::kBlocked;
  size_t sent = 0;
  while (status == IoStatus::kBlocked && sent < (size_t{1} << 20)) {
    ASSERT_EQ(::send(peer_.get(), block.data(), block.size(), 0), ssize_t(block.size()));
    sent += block.size();
    ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
    status = stream_->handshake();
  }
  EXPECT_EQ(status, IoStatus::kFailed);
  EXPECT_GT(sent, size_t{64} << 10);
  EXPECT_LT(sent, size_t{256} << 10);
  EXPECT_EQ(stream_->failure()->text(), "limit:handshake-rate");
}

TEST_F(HandshakeTurnTest, RefusesWithAnAlertIfTooManyOfTheNetworkWait) {
  setRate(1);
  std::vector<std::unique_ptr<HandshakeTurn>> others;
  for (size_t i = 0; i < HandshakeGate::kLeastWaiting; ++i) {
    others.push_back(turn());
    ASSERT_EQ(others.back()->ask(nullptr, [](void*) {}), HandshakeTurn::State::kWaits);
  }
  EXPECT_EQ(sayHello(), IoStatus::kFailed);
  EXPECT_EQ(stream_->failure()->text(), "limit:handshake-rate");
  for (int i = 0; i < 10 && !client_->connect() && !client_->alert(); ++i)
    waitFd(peer_.get(), POLLIN, 100);
  EXPECT_EQ(client_->alert(), Alert::internal_error);
}

TEST_F(HandshakeTurnTest, AStreamThatEndsLeavesTheQueue) {
  setRate(1);
  ASSERT_EQ(sayHello(), IoStatus::kBlocked);
  stream_.reset();
  for (int i = 0; i < 3; ++i) loop_.turn(false);
  EXPECT_EQ(called_, 0);
}

}  // namespace
}  // namespace culvert
