// SPDX-License-Identifier: GPL-3.0-or-later
// PlainStream on real sockets: what each call says next, the preface, FIN, RST, and what a failed
// write does to a read.
#include "net/plain_stream.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <memory>
#include <string>

#include "byte_pattern.h"
#include "event/event_loop.h"
#include "socket_pair.h"

namespace culvert {
namespace {

constexpr size_t kFifo = 64 * 1024;

class PlainStreamTest : public testing::TestWithParam<bool> {
 protected:
  struct Observer : StreamObserver {
    void onReadable() override { ++readable; }
    void onWritable() override { ++writable; }
    int readable = 0;
    int writable = 0;
  };

  bool tcp() const { return GetParam(); }
  void SetUp() override { connect(""); }
  void connect(std::string preface) {
    SocketPair pair = tcp() ? tcpPair() : unixPair();
    ASSERT_TRUE(pair.ours && pair.theirs);
    peer_ = std::move(pair.theirs);
    stream_ = std::make_unique<PlainStream>(loop_, std::move(pair.ours), std::move(preface));
    stream_->setObserver(&observer_);
  }
  void put(const std::string& text) {
    ASSERT_TRUE(out_.append({reinterpret_cast<const uint8_t*>(text.data()), text.size()}));
  }
  /// Fills the FIFO and writes until the socket takes no more.
  size_t fillSocket() {
    size_t total = 0;
    for (;;) {
      if (out_.empty()) put(pattern(kFifo, 0, total));
      const IoResult r = stream_->write(out_);
      total += r.bytes;
      if (r.status != IoStatus::kOk) {
        EXPECT_EQ(r.status, IoStatus::kBlocked);
        return total;
      }
    }
  }
  /// Reads until the stream says something else than "more".
  IoStatus readToEnd(std::string& text) {
    for (;;) {
      const IoResult r = stream_->read(in_, kFifo);
      while (!in_.empty()) {
        const auto piece = in_.readable();
        text.append(piece.begin(), piece.end());
        in_.consume(piece.size());
      }
      if (r.status == IoStatus::kBlocked) {
        if (!waitFd(stream_->fd(), POLLIN)) return r.status;
      } else if (r.status != IoStatus::kOk) {
        return r.status;
      }
    }
  }
  /// Closes the peer so that we see an RST.
  void resetByPeer() {
    if (tcp()) setLingerReset(peer_.get());
    peer_.reset();
  }

  EventLoop loop_;
  BufferPool pool_;
  RingBuffer in_{pool_, kFifo};
  RingBuffer out_{pool_, kFifo};
  Observer observer_;
  UniqueFd peer_;
  std::unique_ptr<PlainStream> stream_;
};

TEST_P(PlainStreamTest, ReadsWhatIsThereAndThenBlocks) {
  EXPECT_EQ(stream_->handshake(), IoStatus::kOk);
  IoResult r = stream_->read(in_, kFifo);
  EXPECT_EQ(r.status, IoStatus::kBlocked);
  EXPECT_EQ(pool_.leasedBytes(), 0u) << "nothing there costs no buffer";
  ASSERT_TRUE(sendAll(peer_.get(), "hello"));
  r = stream_->read(in_, kFifo);
  EXPECT_EQ(r.status, IoStatus::kOk);
  EXPECT_EQ(r.bytes, 5u);
  EXPECT_EQ(in_.size(), 5u);
  EXPECT_EQ(stream_->read(in_, kFifo).status, IoStatus::kBlocked);
  in_.clear();
}

TEST_P(PlainStreamTest, NeverReadsMoreThanItMay) {
  ASSERT_TRUE(sendAll(peer_.get(), "hello world"));
  const IoResult r = stream_->read(in_, 5);
  EXPECT_EQ(r.bytes, 5u);
  EXPECT_EQ(in_.size(), 5u);
  in_.clear();
}

TEST_P(PlainStreamTest, CarriesMuchAroundTheEndOfTheBuffer) {
  const std::string text = pattern(kFifo - 100);
  put(text);
  EXPECT_EQ(stream_->write(out_).status, IoStatus::kOk);
  EXPECT_EQ(difference(receive(peer_.get(), text.size()).text, text), "");
  // Out of step now: half in front of the wrap, half behind it.
  put(pattern(40'000));
  out_.consume(30'000);
  put(pattern(50'000, 0, 40'000));
  const IoResult r = stream_->write(out_);
  EXPECT_EQ(r.status, IoStatus::kOk);
  EXPECT_EQ(r.bytes, 60'000u);
  EXPECT_EQ(difference(receive(peer_.get(), 60'000).text, pattern(60'000, 0, 30'000)), "");
}

TEST_P(PlainStreamTest, AFullSocketBlocksAndTellsWhenItHasRoom) {
  const size_t taken = fillSocket();
  EXPECT_GT(taken, 0u);
  stream_->watch(false, true);
  loop_.turn(false);
  EXPECT_EQ(observer_.writable, 0);
  const Received got = receive(peer_.get(), taken);
  EXPECT_EQ(difference(got.text, pattern(taken)), "");
  loop_.turn(true);
  EXPECT_EQ(observer_.writable, 1);
  EXPECT_EQ(stream_->backlog(), 0u) << "a plain stream holds nothing back";
  out_.clear();
}

TEST_P(PlainStreamTest, TellsOfInput) {
  stream_->watch(true, false);
  loop_.turn(false);
  EXPECT_EQ(observer_.readable, 0);
  ASSERT_TRUE(sendAll(peer_.get(), "x"));
  loop_.turn(true);
  EXPECT_EQ(observer_.readable, 1);
  stream_->watch(false, false);
  loop_.turn(false);
  EXPECT_EQ(observer_.readable, 1);
}

TEST_P(PlainStreamTest, APrefaceLeavesFirst) {
  connect("PROXY UNKNOWN\r\n");
  EXPECT_EQ(stream_->backlog(), 15u);
  put("payload");
  const IoResult r = stream_->write(out_);
  EXPECT_EQ(r.status, IoStatus::kOk);
  EXPECT_EQ(r.bytes, 7u) << "the preface is no payload";
  EXPECT_EQ(stream_->backlog(), 0u);
  EXPECT_EQ(receive(peer_.get(), 22).text, "PROXY UNKNOWN\r\npayload");
}

TEST_P(PlainStreamTest, APrefaceLeavesByItself) {
  connect("PROXY UNKNOWN\r\n");
  EXPECT_EQ(stream_->flush(), IoStatus::kOk);
  EXPECT_EQ(receive(peer_.get(), 15).text, "PROXY UNKNOWN\r\n");
}

TEST_P(PlainStreamTest, APrefaceLeavesBeforeTheEnd) {
  connect("PROXY UNKNOWN\r\n");
  EXPECT_EQ(stream_->shutdownWrite(), IoStatus::kOk);
  const Received got = receiveAll(peer_.get());
  EXPECT_EQ(got.text, "PROXY UNKNOWN\r\n");
  EXPECT_TRUE(got.ended);
}

TEST_P(PlainStreamTest, APrefaceDoesNotWaitForADeadPeer) {
  connect("PROXY UNKNOWN\r\n");
  resetByPeer();
  ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
  EXPECT_EQ(stream_->flush(), IoStatus::kReset);
  EXPECT_EQ(stream_->backlog(), 0u) << "somebody would wait for room for ever";
}

TEST_P(PlainStreamTest, AnEndInOrder) {
  ASSERT_TRUE(sendAll(peer_.get(), "last words"));
  ASSERT_EQ(::shutdown(peer_.get(), SHUT_WR), 0);
  std::string text;
  EXPECT_EQ(readToEnd(text), IoStatus::kEof);
  EXPECT_EQ(text, "last words");
  EXPECT_EQ(stream_->read(in_, kFifo).status, IoStatus::kEof);
  put("an answer");
  EXPECT_EQ(stream_->write(out_).status, IoStatus::kOk) << "the other direction goes on";
  EXPECT_EQ(stream_->shutdownWrite(), IoStatus::kOk);
  EXPECT_EQ(stream_->shutdownWrite(), IoStatus::kOk);
  const Received got = receiveAll(peer_.get());
  EXPECT_EQ(got.text, "an answer");
  EXPECT_TRUE(got.ended);
}

TEST_P(PlainStreamTest, ClosingIsAFin) {
  stream_.reset();
  EXPECT_TRUE(receiveAll(peer_.get()).ended);
}

TEST_P(PlainStreamTest, AbortingIsAnRst) {
  if (!tcp()) GTEST_SKIP() << "UNIX sockets have no RST";
  put("thrown away or not");
  EXPECT_EQ(stream_->write(out_).status, IoStatus::kOk);
  stream_->abort();
  stream_.reset();
  EXPECT_EQ(receiveAll(peer_.get()).error, ECONNRESET);
}

TEST_P(PlainStreamTest, AResetIsStickyForBothDirections) {
  if (!tcp()) GTEST_SKIP() << "UNIX sockets have no RST";
  resetByPeer();
  ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
  EXPECT_TRUE(stream_->hungUp());
  EXPECT_EQ(stream_->read(in_, kFifo).status, IoStatus::kReset);
  EXPECT_EQ(stream_->read(in_, kFifo).status, IoStatus::kReset)
      << "the kernel now says EOF; it was none";
  put("x");
  EXPECT_EQ(stream_->write(out_).status, IoStatus::kReset);
  EXPECT_EQ(out_.size(), 1u);
  EXPECT_EQ(stream_->shutdownWrite(), IoStatus::kReset);
  out_.clear();
}

TEST_P(PlainStreamTest, AnEofAfterAFailedWriteIsAReset) {
  // Unread input makes the peer's close an RST on TCP; on both, writing fails and reading then
  // finds the end.
  peer_.reset();
  put("x");
  if (tcp()) {
    EXPECT_EQ(stream_->write(out_).status,
              IoStatus::kOk);  // the kernel takes it; an RST comes back
    ASSERT_TRUE(waitFd(stream_->fd(), POLLERR | POLLHUP));
    put("y");
  }
  EXPECT_EQ(stream_->write(out_).status, IoStatus::kReset);
  std::string text;
  EXPECT_EQ(readToEnd(text), IoStatus::kReset);
  out_.clear();
}

TEST_P(PlainStreamTest, InputThatCameBeforeAFailedWriteCanStillBeRead) {
  ASSERT_TRUE(sendAll(peer_.get(), "the server's goodbye"));
  peer_.reset();
  put("x");
  if (tcp()) {
    // FIN first, then an RST for what we send; what had come before both stays readable on Linux
    // until it is read.
    std::string text;
    EXPECT_EQ(readToEnd(text), IoStatus::kEof);
    EXPECT_EQ(text, "the server's goodbye");
    out_.clear();
    return;
  }
  EXPECT_EQ(stream_->write(out_).status, IoStatus::kReset);
  std::string text;
  EXPECT_EQ(readToEnd(text), IoStatus::kReset);
  EXPECT_EQ(text, "the server's goodbye");
  out_.clear();
}

TEST_P(PlainStreamTest, KnowsWhatThePeerHasNotTaken) {
  const size_t taken = fillSocket();
  EXPECT_GT(stream_->unacknowledged(), 0u);
  receive(peer_.get(), taken);
  for (int i = 0; i < 5000 && stream_->unacknowledged() != 0; ++i) ::poll(nullptr, 0, 1);
  EXPECT_EQ(stream_->unacknowledged(), 0u);
  out_.clear();
}

TEST_P(PlainStreamTest, DiscardsInput) {
  EXPECT_EQ(stream_->discardInput(1000).status, IoStatus::kBlocked);
  ASSERT_TRUE(sendAll(peer_.get(), pattern(100'000)));
  size_t seen = 0;
  while (seen < 100'000) {
    const IoResult r = stream_->discardInput(40'000);
    seen += r.bytes;
    if (r.status == IoStatus::kBlocked && seen < 100'000) {
      ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
    }
  }
  peer_.reset();
  ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
  EXPECT_EQ(stream_->discardInput(1000).status, IoStatus::kEof);
}

TEST_P(PlainStreamTest, MayDieWhileItIsWatched) {
  stream_->watch(true, true);
  ASSERT_TRUE(sendAll(peer_.get(), "x"));
  stream_.reset();
  loop_.turn(false);
  EXPECT_EQ(observer_.readable + observer_.writable, 0);
}

INSTANTIATE_TEST_SUITE_P(Sockets, PlainStreamTest, testing::Values(true, false),
                         [](const auto& info) { return info.param ? "Tcp" : "Unix"; });

}  // namespace
}  // namespace culvert
