// SPDX-License-Identifier: GPL-3.0-or-later
// TlsStream: what the socket does not take, and every way in which either side ends.
#include "unit/tls/support/tls_stream_fixture.h"

namespace culvert {
namespace {

TEST_F(TlsStreamTest, WhatTheSocketDoesNotTakeWaitsAndIsNotTakenTwice) {
  open(testSettings(), 32768);
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  constexpr size_t kTotal = 600'000;
  size_t filled = 0;
  size_t taken = 0;
  std::string got;
  int blocked = 0;
  while (got.size() < kTotal) {
    const size_t more = std::min(kTotal - filled, out_.room());
    put(pattern(more, 0, filled));
    filled += more;
    const IoResult r = stream_->write(out_);
    taken += r.bytes;
    ASSERT_EQ(taken + out_.size(), filled);
    ASSERT_TRUE(r.status == IoStatus::kOk || r.status == IoStatus::kBlocked);
    if (stream_->backlog() != 0) {
      ++blocked;
      EXPECT_EQ(r.status, IoStatus::kBlocked);
      EXPECT_LE(stream_->backlog(), kFifo + 8 * 64);
    }
    if (r.bytes != 0 && filled < kTotal) continue;  // so that the socket fills up
    got += client_->read();
    waitFd(peer_.get(), POLLIN, 20);
  }
  EXPECT_GT(blocked, 0);
  EXPECT_EQ(difference(got, pattern(kTotal)), "");
  EXPECT_EQ(stream_->flush(), IoStatus::kOk);
  EXPECT_EQ(stream_->backlog(), 0u);
  EXPECT_EQ(pool_.leasedBytes(), 0u);
}

TEST_F(TlsStreamTest, FlushSendsTheBacklog) {
  open(testSettings(), 8192);
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  std::string sent;
  while (stream_->backlog() == 0) {
    const std::string more = pattern(out_.room(), 0, sent.size());
    put(more);
    sent += more;
    (void)stream_->write(out_);
  }
  const size_t unsealed = out_.size();
  EXPECT_GT(stream_->unacknowledged(), 0u);
  std::string got;
  for (int i = 0; i < 1000 && stream_->flush() != IoStatus::kOk; ++i) {
    got += client_->read();
    waitFd(stream_->fd(), POLLOUT, 20);
  }
  got += clientReads(sent.size() - unsealed - got.size());
  EXPECT_EQ(difference(got, sent.substr(0, sent.size() - unsealed)), "");
  out_.clear();
}

TEST_F(TlsStreamTest, AResetPeerTakesNothingAndHoldsNothingBack) {
  open(testSettings(), 8192);
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  while (stream_->backlog() == 0) {
    put(pattern(out_.room()));
    (void)stream_->write(out_);
  }
  setLingerReset(peer_.get());
  peer_.reset();
  ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
  EXPECT_EQ(stream_->flush(), IoStatus::kReset);
  EXPECT_EQ(stream_->backlog(), 0u);
  std::string text;
  EXPECT_EQ(readInto(text), IoStatus::kReset);
  out_.clear();
}

// --- ends

TEST_F(TlsStreamTest, CloseNotifyIsAnEndInOrderAndTheOtherDirectionGoesOn) {
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  client_->write("last words");
  client_->closeNotify();
  client_->flush();
  std::string text;
  IoStatus status = IoStatus::kOk;
  while (status == IoStatus::kOk) status = readInto(text);
  EXPECT_EQ(status, IoStatus::kEof);
  EXPECT_EQ(text, "last words");
  put(pattern(50'000));
  EXPECT_EQ(stream_->write(out_).status, IoStatus::kOk);
  EXPECT_EQ(difference(clientReads(50'000), pattern(50'000)), "");
  EXPECT_EQ(stream_->shutdownWrite(), IoStatus::kOk);
  EXPECT_EQ(stream_->shutdownWrite(), IoStatus::kOk) << "once is enough";
  ASSERT_TRUE(waitFd(peer_.get(), POLLIN));
  client_->read();
  EXPECT_EQ(client_->error, WOLFSSL_ERROR_ZERO_RETURN) << "close_notify";
  EXPECT_TRUE(receiveAll(peer_.get()).ended) << "and then FIN";
}

TEST_F(TlsStreamTest, OurCloseNotifyLeavesTheClientsDirectionOpen) {
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  put("bye");
  EXPECT_EQ(stream_->write(out_).status, IoStatus::kOk);
  EXPECT_EQ(stream_->shutdownWrite(), IoStatus::kOk);
  EXPECT_EQ(clientReads(3), "bye");
  client_->write(pattern(100'000));
  ASSERT_TRUE(client_->flush());
  std::string text;
  EXPECT_EQ(readAll(text, 100'000), IoStatus::kOk);
  EXPECT_EQ(difference(text, pattern(100'000)), "");
  client_->closeNotify();
  client_->flush();
  IoStatus status = IoStatus::kOk;
  while (status == IoStatus::kOk) status = readInto(text);
  EXPECT_EQ(status, IoStatus::kEof);
}

TEST_F(TlsStreamTest, CloseNotifyWaitsBehindTheBacklog) {
  open(testSettings(), 8192);
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  std::string sent;
  while (stream_->backlog() == 0) {
    out_.clear();
    put(pattern(kFifo, 0, sent.size()));
    const IoResult r = stream_->write(out_);
    sent += pattern(r.bytes, 0, sent.size());
  }
  out_.clear();
  EXPECT_EQ(stream_->shutdownWrite(), IoStatus::kBlocked);
  std::string got;
  for (int i = 0; i < 1000 && stream_->flush() != IoStatus::kOk; ++i) {
    got += client_->read();
    waitFd(stream_->fd(), POLLOUT, 20);
  }
  while (client_->error != WOLFSSL_ERROR_ZERO_RETURN && waitFd(peer_.get(), POLLIN))
    got += client_->read();
  EXPECT_EQ(difference(got, sent), "");
  EXPECT_EQ(client_->error, WOLFSSL_ERROR_ZERO_RETURN);
}

TEST_F(TlsStreamTest, AFinWithoutCloseNotifyIsATruncation) {
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  client_->write("last words?");
  client_->flush();
  ASSERT_EQ(::shutdown(peer_.get(), SHUT_WR), 0);
  std::string text;
  IoStatus status = IoStatus::kOk;
  while (status == IoStatus::kOk) status = readInto(text);
  EXPECT_EQ(status, IoStatus::kTruncated);
  EXPECT_EQ(text, "last words?");
}

TEST_F(TlsStreamTest, ARecordThatIsCutOffIsATruncation) {
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  client_->write("never complete");
  client_->out.pop_back();
  client_->flush();
  ASSERT_EQ(::shutdown(peer_.get(), SHUT_WR), 0);
  std::string text;
  IoStatus status = IoStatus::kOk;
  while (status == IoStatus::kOk) status = readInto(text);
  EXPECT_EQ(status, IoStatus::kTruncated);
  EXPECT_EQ(text, "");
}

TEST_F(TlsStreamTest, AnRstIsAReset) {
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  setLingerReset(peer_.get());
  peer_.reset();
  ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
  EXPECT_TRUE(stream_->hungUp());
  std::string text;
  EXPECT_EQ(readInto(text), IoStatus::kReset);
}

TEST_F(TlsStreamTest, AnAbortSaysNoGoodbye) {
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  client_->read();
  stream_->abort();
  stream_.reset();
  const Received got = receiveAll(peer_.get());
  EXPECT_EQ(got.text, "");
  EXPECT_EQ(got.error, ECONNRESET);
}

}  // namespace
}  // namespace culvert
