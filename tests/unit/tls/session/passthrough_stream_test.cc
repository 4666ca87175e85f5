// SPDX-License-Identifier: GPL-3.0-or-later
// PassthroughStream: the ClientHello is read and not changed, in any pieces, and everything that is
// not a ClientHello is refused.
#include "tls/session/passthrough_stream.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "event/event_loop.h"
#include "socket_pair.h"
#include "unit/tls/support/hello_builder.h"

namespace culvert {
namespace {

class PassthroughStreamTest : public ::testing::Test {
 protected:
  void SetUp() override { open(); }
  void open(std::vector<uint8_t> early = {}) {
    SocketPair pair = tcpPair();
    ASSERT_TRUE(pair.ours && pair.theirs);
    setNoDelay(pair.theirs.get());
    peer_ = std::move(pair.theirs);
    stream_ = std::make_unique<PassthroughStream>(loop_, pool_.memory(), std::move(pair.ours),
                                                  std::move(early));
  }
  IoStatus send(std::string_view bytes) {
    EXPECT_TRUE(sendAll(peer_.get(), bytes));
    EXPECT_TRUE(waitFd(stream_->fd(), POLLIN));
    return stream_->handshake();
  }
  /// Sends more than one call receives.
  IoStatus sendMuch(std::string_view bytes) {
    IoStatus status = IoStatus::kBlocked;
    for (size_t at = 0; at < bytes.size() && status == IoStatus::kBlocked; at += 4096)
      status = send(bytes.substr(at, 4096));
    return status;
  }
  std::string read(size_t limit = kFifo) {
    std::string text;
    status_ = stream_->read(in_, limit).status;
    while (!in_.empty()) {
      text += asText(in_.readable());
      in_.consume(in_.readable().size());
    }
    return text;
  }
  void expectRefused(const std::string& cause, char alert) {
    EXPECT_EQ(stream_->handshakeFailure(), HandshakeFailure::kBadHello);
    ASSERT_TRUE(stream_->failure());
    EXPECT_EQ(stream_->failure()->text(), cause) << stream_->failure()->detail;
    EXPECT_EQ(stream_->handshake(), IoStatus::kFailed) << "sticky";
    EXPECT_EQ(stream_->shutdownWrite(), IoStatus::kOk);
    const Received got = receive(peer_.get(), 7);
    ASSERT_EQ(got.text.size(), 7u);
    EXPECT_EQ(got.text[0], 21);
    EXPECT_EQ(got.text[5], 2);
    EXPECT_EQ(got.text[6], alert);
  }

  static constexpr size_t kFifo = 64 * 1024;
  EventLoop loop_;
  BufferPool pool_;
  RingBuffer in_{pool_, kFifo};
  RingBuffer out_{pool_, kFifo};
  UniqueFd peer_;
  std::unique_ptr<PassthroughStream> stream_;
  IoStatus status_ = IoStatus::kOk;
  const Bytes records_ = HelloBuilder::modern().records();
  const std::string hello_{records_.begin(), records_.end()};
};

TEST_F(PassthroughStreamTest, TheHelloPassesUnchanged) {
  ASSERT_EQ(send(hello_ + "more"), IoStatus::kOk);
  EXPECT_EQ(stream_->serverName(), "www.example.org");
  EXPECT_EQ(stream_->handshakeFailure(), HandshakeFailure::kNone);
  EXPECT_EQ(stream_->handshakeProgress(), "");
  EXPECT_FALSE(stream_->failure());
  EXPECT_EQ(read(), hello_ + "more");
  EXPECT_EQ(read(), "");
  EXPECT_EQ(status_, IoStatus::kBlocked);
  ASSERT_TRUE(sendAll(peer_.get(), "later"));
  ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
  EXPECT_EQ(read(), "later");
  ASSERT_TRUE(out_.append(asBytes(std::string_view("answer"))));
  EXPECT_EQ(stream_->write(out_).status, IoStatus::kOk);
  EXPECT_EQ(receive(peer_.get(), 6).text, "answer");
}

TEST_F(PassthroughStreamTest, ByteByByteAndReadInPieces) {
  EXPECT_EQ(stream_->handshake(), IoStatus::kBlocked);
  EXPECT_NE(stream_->handshakeProgress().find("the client sent nothing"), std::string::npos);
  for (size_t i = 0; i + 1 < hello_.size(); ++i)
    ASSERT_EQ(send(hello_.substr(i, 1)), IoStatus::kBlocked) << i;
  EXPECT_EQ(stream_->handshakeProgress(), "the client sent " + std::to_string(hello_.size() - 1) +
                                              " bytes of a ClientHello and no more");
  ASSERT_EQ(send(hello_.substr(hello_.size() - 1)), IoStatus::kOk);
  EXPECT_EQ(stream_->handshake(), IoStatus::kOk) << "nothing is left to do";
  std::string got;
  for (int i = 0; i < 10'000 && got.size() < hello_.size(); ++i) {
    const std::string piece = read(7);
    EXPECT_LE(piece.size(), 7u);
    got += piece;
  }
  EXPECT_EQ(got, hello_);
}

TEST_F(PassthroughStreamTest, RecordsAreNotJoined) {
  const Bytes split = HelloBuilder::modern().records(50);
  const std::string text(split.begin(), split.end());
  ASSERT_EQ(send(text), IoStatus::kOk);
  EXPECT_EQ(stream_->serverName(), "www.example.org");
  EXPECT_EQ(read(), text);
}

TEST_F(PassthroughStreamTest, AFifoWithoutRoomGetsTheRestLater) {
  ASSERT_EQ(send(hello_), IoStatus::kOk);
  RingBuffer small(pool_, 100);
  EXPECT_EQ(stream_->read(small, 1000).bytes, 100u);
  EXPECT_EQ(asText(small.readable()), hello_.substr(0, 100));
  EXPECT_EQ(read(), hello_.substr(100));
}

TEST_F(PassthroughStreamTest, WhatIsNotTlsGetsAnAlert) {
  ASSERT_EQ(send("GET / HTTP/1.0\r\n\r\n"), IoStatus::kFailed);
  expectRefused("tls-sent:unexpected_message", 10);
}

TEST_F(PassthroughStreamTest, AMalformedHelloGetsAnAlert) {
  std::string bad = hello_;
  bad[6] = static_cast<char>(0xff);  // the length of the message
  ASSERT_EQ(send(bad), IoStatus::kFailed);
  EXPECT_EQ(stream_->handshakeFailure(), HandshakeFailure::kBadHello);
}

/// Records of one byte make the hello six times as long as itself. No event of the socket reports
/// what waits in the stream, so the stream reports it.
TEST_F(PassthroughStreamTest, AHelloLongerThanTheFifoIsReportedUntilItIsRead) {
  struct Reader final : StreamObserver {
    void onReadable() override { ++reports; }
    void onWritable() override {}
    int reports = 0;
  } reader;
  HelloBuilder large = HelloBuilder::modern();
  large.add(21, Bytes(2000));
  const Bytes split = large.records(1);
  const std::string text(split.begin(), split.end());
  ASSERT_GT(text.size(), 16u * 1024);
  stream_->setObserver(&reader);
  ASSERT_EQ(sendMuch(text), IoStatus::kOk);
  std::string got;
  while (got.size() < text.size()) {
    const int before = reader.reports;
    stream_->watch(true, false);
    loop_.turn(false);
    ASSERT_EQ(reader.reports, before + 1) << got.size();
    got += read(5000);
  }
  EXPECT_EQ(got, text);
  const int before = reader.reports;
  stream_->watch(true, false);
  loop_.turn(false);
  EXPECT_EQ(reader.reports, before) << "nothing waits any more";
}

TEST_F(PassthroughStreamTest, AHelloOfTooManyRecords) {
  HelloBuilder large = HelloBuilder::modern();
  large.add(21, Bytes(6000));
  const Bytes split = large.records(1);
  EXPECT_EQ(sendMuch(std::string(split.begin(), split.end())), IoStatus::kFailed);
  EXPECT_NE(stream_->failure()->text().find("tls-sent:"), std::string::npos);
  EXPECT_EQ(stream_->handshakeFailure(), HandshakeFailure::kBadHello);
}

/// The bytes that chose the service belong to the stream.
TEST_F(PassthroughStreamTest, BytesThatWereReceivedBefore) {
  open({records_.begin(), records_.begin() + 20});
  EXPECT_EQ(stream_->handshake(), IoStatus::kBlocked);
  ASSERT_EQ(send(hello_.substr(20)), IoStatus::kOk);
  EXPECT_EQ(read(), hello_);
  open({records_.begin(), records_.end()});
  ASSERT_EQ(stream_->handshake(), IoStatus::kOk);
  EXPECT_EQ(stream_->serverName(), "www.example.org");
  EXPECT_EQ(read(), hello_);
}

TEST_F(PassthroughStreamTest, AClientThatSaysNothingIsAProbe) {
  ASSERT_EQ(::shutdown(peer_.get(), SHUT_WR), 0);
  ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
  EXPECT_EQ(stream_->handshake(), IoStatus::kEof);
  open();
  setLingerReset(peer_.get());
  peer_.reset();
  ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
  EXPECT_EQ(stream_->handshake(), IoStatus::kEof);
}

TEST_F(PassthroughStreamTest, AClientThatLeavesWithinTheHello) {
  ASSERT_EQ(send(hello_.substr(0, 20)), IoStatus::kBlocked);
  ASSERT_EQ(::shutdown(peer_.get(), SHUT_WR), 0);
  ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
  EXPECT_EQ(stream_->handshake(), IoStatus::kTruncated);
  EXPECT_EQ(stream_->handshakeFailure(), HandshakeFailure::kClosed);
}

/// The client may end its direction right behind the hello.
TEST_F(PassthroughStreamTest, HalfOpenBehindTheHello) {
  ASSERT_TRUE(sendAll(peer_.get(), hello_));
  ASSERT_EQ(::shutdown(peer_.get(), SHUT_WR), 0);
  ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
  ASSERT_EQ(stream_->handshake(), IoStatus::kOk);
  EXPECT_EQ(read(), hello_);
  EXPECT_EQ(read(), "");
  EXPECT_EQ(status_, IoStatus::kEof);
  ASSERT_TRUE(out_.append(asBytes(std::string_view("answer"))));
  EXPECT_EQ(stream_->write(out_).status, IoStatus::kOk);
  EXPECT_EQ(stream_->shutdownWrite(), IoStatus::kOk);
  const Received got = receiveAll(peer_.get());
  EXPECT_EQ(got.text, "answer");
  EXPECT_TRUE(got.ended);
}

}  // namespace
}  // namespace culvert
