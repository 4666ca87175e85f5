// SPDX-License-Identifier: GPL-3.0-or-later
// TlsStream: the handshake, what is read, floods and damage.
#include <unistd.h>

#include "unit/tls/support/tls_stream_fixture.h"

namespace culvert {
namespace {

TEST_F(TlsStreamTest, ShakesHandsAndCarriesBothWays) {
  EXPECT_FALSE(stream_->established());
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  EXPECT_TRUE(stream_->established());
  EXPECT_EQ(stream_->serverName(), "www.example.org");
  EXPECT_EQ(stream_->facts().version, "TLSv1.3");
  EXPECT_EQ(counters_.get(Counter::kHandshakesOk), 1u);
  EXPECT_EQ(pool_.leasedBytes(), 0u) << "an idle session holds no buffer";

  client_->write("ping");
  client_->flush();
  std::string text;
  EXPECT_EQ(readAll(text, 4), IoStatus::kOk);
  EXPECT_EQ(text, "ping");
  put("pong");
  EXPECT_EQ(stream_->write(out_).status, IoStatus::kOk);
  EXPECT_EQ(clientReads(4), "pong");
  EXPECT_EQ(carried(), 0u);
}

TEST_F(TlsStreamTest, ShakesHandsInTls12) {
  client_ = std::make_unique<Client>(peer_.get(), wolfTLSv1_2_client_method());
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  EXPECT_EQ(stream_->facts().version, "TLSv1.2");
  client_->write("ping");
  client_->flush();
  std::string text;
  EXPECT_EQ(readAll(text, 4), IoStatus::kOk);
  EXPECT_EQ(text, "ping");
}

/// wolfSSL's client has another order of extensions in its second hello.
TEST_F(TlsStreamTest, ARetryAsksForAnotherShare) {
  TestTls settings = testSettings();
  settings.groups = {0x0018};
  open(settings);
  client_->shareFirst(0x0017);
  client_->connect();
  client_->flush();
  ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
  ASSERT_EQ(stream_->handshake(), IoStatus::kBlocked);
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  EXPECT_EQ(stream_->facts().group, "P-384");
}

TEST_F(TlsStreamTest, TakesAHelloByteByByte) {
  EXPECT_EQ(stream_->handshake(), IoStatus::kBlocked) << "nothing there";
  client_->connect();
  const std::string hello = std::exchange(client_->out, "");
  ASSERT_GT(hello.size(), 100u);
  for (size_t i = 0; i + 1 < hello.size(); ++i) {
    ASSERT_TRUE(sendAll(peer_.get(), hello.substr(i, 1)));
    ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
    ASSERT_EQ(stream_->handshake(), IoStatus::kBlocked) << "after byte " << i;
    ASSERT_FALSE(waitFd(peer_.get(), POLLIN, 0)) << "no answer before it is whole";
  }
  client_->out = hello.substr(hello.size() - 1);
  EXPECT_EQ(shakeHands(), IoStatus::kOk);
}

TEST_F(TlsStreamTest, TakesTheWholeFlightByteByByte) {
  client_->connect();
  client_->flush();
  ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
  ASSERT_EQ(stream_->handshake(), IoStatus::kBlocked);
  ASSERT_TRUE(waitFd(peer_.get(), POLLIN));
  ASSERT_TRUE(client_->connect());
  const std::string finished = std::exchange(client_->out, "");
  IoStatus status = IoStatus::kBlocked;
  for (size_t i = 0; i < finished.size(); ++i) {
    ASSERT_EQ(status, IoStatus::kBlocked);
    ASSERT_TRUE(sendAll(peer_.get(), finished.substr(i, 1)));
    ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
    status = stream_->handshake();
  }
  EXPECT_EQ(status, IoStatus::kOk);
}

/// Payload in the same segment as the client's Finished is decrypted by the first read, though the
/// socket is silent.
TEST_F(TlsStreamTest, PayloadThatCameAlongIsNotForgotten) {
  client_->connect();
  client_->flush();
  ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
  ASSERT_EQ(stream_->handshake(), IoStatus::kBlocked);
  ASSERT_TRUE(waitFd(peer_.get(), POLLIN));
  ASSERT_TRUE(client_->connect());
  client_->write(pattern(9000));
  client_->flush();
  IoStatus status = IoStatus::kBlocked;
  while (status == IoStatus::kBlocked) {
    ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
    status = stream_->handshake();
  }
  ASSERT_EQ(status, IoStatus::kOk);
  std::string text;
  EXPECT_EQ(stream_->read(in_, kFifo).status, IoStatus::kOk);
  drain(in_, text);
  while (text.size() < 9000) ASSERT_EQ(readInto(text), IoStatus::kOk);
  EXPECT_EQ(difference(text, pattern(9000)), "");
  EXPECT_EQ(carried(), 0u);
}

TEST_F(TlsStreamTest, LetsGoOfItsSettingsAfterTheHandshake) {
  EXPECT_EQ(settings_.use_count(), 1);
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  EXPECT_EQ(worker_.contexts.size(), 1u);
  EXPECT_TRUE(settings_.expired()) << "held neither by the stream nor by the context";
  worker_.contexts.dropUnused();
  EXPECT_EQ(worker_.contexts.size(), 0u);
  client_->write("still alive");
  client_->flush();
  std::string text;
  EXPECT_EQ(readAll(text, 11), IoStatus::kOk);
  EXPECT_EQ(text, "still alive");
}

TEST_F(TlsStreamTest, APeerThatLeavesBeforeItsFirstByteIsAProbe) {
  peer_.reset();
  ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
  EXPECT_EQ(stream_->handshake(), IoStatus::kEof);
  open();
  setLingerReset(peer_.get());
  peer_.reset();
  ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
  EXPECT_EQ(stream_->handshake(), IoStatus::kEof);
}

TEST_F(TlsStreamTest, APeerThatLeavesWithinTheHandshakeIsNone) {
  ASSERT_TRUE(sendAll(peer_.get(), "\x16"));
  ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
  ASSERT_EQ(stream_->handshake(), IoStatus::kBlocked);
  peer_.reset();
  ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
  EXPECT_EQ(stream_->handshake(), IoStatus::kTruncated);
  EXPECT_EQ(stream_->handshakeFailure(), HandshakeFailure::kClosed);
}

TEST_F(TlsStreamTest, PlainTextIsAnsweredWithAnAlert) {
  ASSERT_TRUE(sendAll(peer_.get(), "GET / HTTP/1.0\r\n\r\n"));
  ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
  ASSERT_EQ(stream_->handshake(), IoStatus::kFailed);
  EXPECT_EQ(stream_->handshake(), IoStatus::kFailed) << "sticky";
  EXPECT_EQ(stream_->handshakeFailure(), HandshakeFailure::kBadHello);
  EXPECT_EQ(stream_->failure()->text().rfind("tls-sent:", 0), 0u) << stream_->failure()->text();
  EXPECT_FALSE(stream_->failure()->detail.empty());
  EXPECT_EQ(stream_->shutdownWrite(), IoStatus::kOk);
  const Received got = receiveAll(peer_.get());
  ASSERT_EQ(got.text.size(), 7u);
  EXPECT_EQ(got.text[0], 21) << "an alert record, in plain text";
  EXPECT_EQ(got.text[5], 2) << "fatal";
  EXPECT_TRUE(got.ended) << "and no close_notify behind it";
}

TEST_F(TlsStreamTest, AVersionThatIsNotAllowedIsRefused) {
  TestTls settings = testSettings();
  settings.minVersion = kTls13;
  open(std::move(settings));
  client_ = std::make_unique<Client>(peer_.get(), wolfTLSv1_2_client_method());
  EXPECT_EQ(shakeHands(), IoStatus::kFailed);
  EXPECT_EQ(stream_->failure()->text(), "tls-sent:protocol_version");
  EXPECT_EQ(stream_->handshakeFailure(), HandshakeFailure::kNoCommon);
  ASSERT_TRUE(waitFd(peer_.get(), POLLIN));
  client_->connect();
  EXPECT_EQ(client_->alert(), 70);
}

TEST_F(TlsStreamTest, AClientThatRefusesTheCertificateSaysSo) {
  client_ = std::make_unique<Client>(peer_.get(), wolfTLSv1_3_client_method(), /*verify=*/true);
  EXPECT_EQ(shakeHands(), IoStatus::kFailed);
  EXPECT_EQ(stream_->failure()->text().rfind("tls-received:", 0), 0u) << stream_->failure()->text();
  EXPECT_EQ(stream_->handshakeFailure(), HandshakeFailure::kAlert);
}

// --- reading

/// Whatever room there is: all of what a read took from the socket is decrypted when it returns
/// (design: no ciphertext outlives the turn).
TEST_F(TlsStreamTest, NeverHoldsMoreThanThereIsRoomFor) {
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  std::mt19937 random(7);
  const auto below = [&](size_t n) {
    return std::uniform_int_distribution<size_t>(0, n - 1)(random);
  };
  constexpr size_t kTotal = 3'000'000;
  size_t written = 0;
  std::string text;
  std::string expected;
  while (text.size() < kTotal) {
    // Records of every size, cut anywhere on their way.
    while (written < kTotal && client_->out.size() < 200'000) {
      const size_t n = std::min(kTotal - written, below(3) == 0 ? 1 + below(50) : 1 + below(16384));
      client_->write(pattern(n, 0, written));
      written += n;
    }
    const ssize_t n = ::send(peer_.get(), client_->out.data(),
                             std::min(client_->out.size(), 1 + below(100'000)), MSG_NOSIGNAL);
    if (n > 0) client_->out.erase(0, static_cast<size_t>(n));
    // The FIFO is partly full most of the time.
    for (int i = 0; i < 3 && in_.room() >= ByteStream::kReadUnit; ++i) {
      const size_t before = in_.size();
      const IoResult r =
          stream_->read(in_, ByteStream::kReadUnit + below(in_.room() - ByteStream::kReadUnit + 1));
      ASSERT_TRUE(r.status == IoStatus::kOk || r.status == IoStatus::kBlocked)
          << static_cast<int>(r.status);
      ASSERT_EQ(in_.size(), before + r.bytes);
      if (r.status == IoStatus::kBlocked) break;
    }
    const size_t consumed = in_.size() < 1000 || written == kTotal ? in_.size() : below(in_.size());
    for (size_t left = consumed; left > 0;) {
      const auto piece = in_.readable().first(std::min(left, in_.readable().size()));
      text.append(piece.begin(), piece.end());
      left -= piece.size();
      in_.consume(piece.size());
    }
  }
  EXPECT_EQ(difference(text, pattern(kTotal)), "");
  EXPECT_EQ(carried(), 0u);
  EXPECT_EQ(stream_->read(in_, kFifo).status, IoStatus::kBlocked);
}

TEST_F(TlsStreamTest, AKeyUpdateIsAnsweredOnASilentConnection) {
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  client_->read();
  for (int i = 0; i < 3; ++i) {
    client_->updateKeys();
    client_->flush();
    std::string text;
    ASSERT_EQ(readInto(text), IoStatus::kOk);
    EXPECT_EQ(text, "") << "a record without payload";
    ASSERT_TRUE(waitFd(peer_.get(), POLLIN)) << "the answer leaves though nobody writes";
    client_->read();
    client_->write("after it");
    client_->flush();
    EXPECT_EQ(readAll(text, 8), IoStatus::kOk);
    EXPECT_EQ(text, "after it");
    put("likewise");
    EXPECT_EQ(stream_->write(out_).status, IoStatus::kOk);
    EXPECT_EQ(clientReads(8), "likewise");
  }
  EXPECT_EQ(carried(), 0u);
}

TEST_F(TlsStreamTest, AFloodOfRecordsWithoutPayloadEnds) {
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  client_->read();
  IoStatus status = IoStatus::kOk;
  int sent = 0;
  for (; sent < 100 && status == IoStatus::kOk; ++sent) {
    client_->updateKeys();
    ASSERT_TRUE(client_->flush());
    std::string text;
    status = readInto(text);
    client_->read();  // the answers
  }
  EXPECT_EQ(status, IoStatus::kFailed);
  EXPECT_GT(sent, 20);
  EXPECT_LT(sent, 40);
  EXPECT_EQ(stream_->failure()->text(), "tls-sent:unexpected_message");
  EXPECT_EQ(counters_.get(Counter::kFloodEnds), 1u);
  client_->read();
  EXPECT_EQ(client_->alert(), 10);
}

/// As of a client that does nothing but receive: each of its records answers a KeyUpdate.
TEST_F(TlsStreamTest, KeyUpdatesOverALongTimeAreNoFlood) {
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  client_->read();
  for (int burst = 0; burst < 3; ++burst) {
    for (int i = 0; i < 20; ++i) {
      client_->updateKeys();
      ASSERT_TRUE(client_->flush());
      std::string text;
      ASSERT_EQ(readInto(text), IoStatus::kOk) << "after " << burst << " bursts and " << i;
      client_->read();
    }
    ::usleep(1'050'000);
    loop_.turn(/*block=*/false);  // it looks at the clock once a turn
  }
  EXPECT_EQ(counters_.get(Counter::kFloodEnds), 0u);
}

TEST_F(TlsStreamTest, PayloadBetweenKeyUpdatesIsNoFlood) {
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  client_->read();
  for (int i = 0; i < 100; ++i) {
    client_->updateKeys();
    client_->write("x");
    ASSERT_TRUE(client_->flush());
    std::string text;
    ASSERT_EQ(readAll(text, 1), IoStatus::kOk) << "after " << i;
    client_->read();
  }
  EXPECT_EQ(counters_.get(Counter::kFloodEnds), 0u);
}

TEST_F(TlsStreamTest, ADamagedRecordEndsWithAnAlert) {
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  client_->write("sound");
  client_->flush();
  std::string text;
  ASSERT_EQ(readAll(text, 5), IoStatus::kOk);
  client_->write("damaged");
  client_->out.back() = static_cast<char>(client_->out.back() ^ 1);
  client_->flush();
  EXPECT_EQ(readInto(text), IoStatus::kFailed);
  EXPECT_EQ(text, "sound") << "nothing of it comes through";
  EXPECT_EQ(stream_->failure()->text(), "tls-sent:bad_record_mac");
  EXPECT_EQ(stream_->read(in_, kFifo).status, IoStatus::kFailed) << "sticky";
  put("x");
  EXPECT_EQ(stream_->write(out_).status, IoStatus::kFailed);
  out_.clear();
  EXPECT_EQ(stream_->shutdownWrite(), IoStatus::kOk);
  ASSERT_TRUE(waitFd(peer_.get(), POLLIN));
  client_->read();
  EXPECT_EQ(client_->alert(), 20);
}

TEST_F(TlsStreamTest, WhatCameBeforeADamagedRecordIsDelivered) {
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  client_->write("sound");
  client_->write("damaged");
  client_->out.back() = static_cast<char>(client_->out.back() ^ 1);
  client_->flush();
  std::string text;
  IoStatus status = IoStatus::kOk;
  while (status == IoStatus::kOk) status = readInto(text);
  EXPECT_EQ(status, IoStatus::kFailed);
  EXPECT_EQ(text, "sound");
}

// --- writing

}  // namespace
}  // namespace culvert
