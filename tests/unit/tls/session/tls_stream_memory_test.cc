// SPDX-License-Identifier: GPL-3.0-or-later
// TlsStream where memory runs out in the middle of a call: what one tunnel sealed never reaches
// another, and the shortage is reported as ours.
#include "scarce_memory.h"
#include "unit/tls/support/tls_stream_ticket_fixture.h"

namespace culvert {
namespace {

class TlsStreamMemoryTest : public TlsStreamTest {
 protected:
  /// Lets `call` fail at its first allocation, at its second, and so on, each time on a new stream
  /// that `prepare` has made ready, until it has what it needs. How often it ran out.
  template <class Prepare, class Call>
  int starve(Prepare prepare, Call call) {
    for (size_t allowed = 0;; ++allowed) {
      open();
      prepare();
      (void)in_.writable();  // the pool makes its list of blocks now
      in_.clear();
      bool thrown = false;
      {
        ScarceMemory scarce(allowed);
        try {
          call();
        } catch (const std::bad_alloc&) {
          thrown = true;
        }
      }
      EXPECT_TRUE(worker_.output.empty()) << "after " << allowed << " allocations";
      in_.clear();
      if (!thrown || allowed == 1000) return static_cast<int>(allowed);
    }
  }
};

TEST_F(TlsStreamMemoryTest, ARefusalLeavesNothingToOthers) {
  const int times = starve(
      [this] {
        ASSERT_TRUE(sendAll(peer_.get(), "GET / HTTP/1.0\r\n\r\n"));
        ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
      },
      [this] { (void)stream_->handshake(); });
  EXPECT_GT(times, 1);
  EXPECT_EQ(stream_->failure()->text(), "tls-sent:unexpected_message") << "in the end";
}

TEST_F(TlsStreamMemoryTest, AFailedHandshakeLeavesNothingToOthers) {
  const int times = starve(
      [this] {
        client_->connect();
        client_->flush();
        ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
        ASSERT_EQ(stream_->handshake(), IoStatus::kBlocked);
        ASSERT_TRUE(waitFd(peer_.get(), POLLIN));
        ASSERT_TRUE(client_->connect());
        client_->out.back() = static_cast<char>(client_->out.back() ^ 1);
        client_->flush();
        ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
      },
      [this] { (void)stream_->handshake(); });
  EXPECT_GT(times, 0);
  EXPECT_EQ(stream_->failure()->text().rfind("tls-sent:", 0), 0u) << stream_->failure()->text();
}

TEST_F(TlsStreamMemoryTest, ADamagedRecordLeavesNothingToOthers) {
  bool failed = true;
  const int times = starve(
      [this] {
        ASSERT_EQ(shakeHands(), IoStatus::kOk);
        client_->write("damaged");
        client_->out.back() = static_cast<char>(client_->out.back() ^ 1);
        client_->flush();
        ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
      },
      [&] {
        (void)stream_->read(in_, kFifo);
        failed = stream_->shutdownWrite() != IoStatus::kOk;
      });
  EXPECT_GT(times, 0);
  EXPECT_FALSE(failed);
}

TEST_F(TlsStreamMemoryTest, NoRoomForASealedRecordIsOurShortage) {
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  put("x");
  worker_.output = OutputBuffer(0);  // so that the next record has to ask for memory
  {
    ScarceMemory scarce(0);
    EXPECT_EQ(stream_->write(out_).status, IoStatus::kFailed);
  }
  EXPECT_EQ(stream_->failure()->text(), "internal");
  EXPECT_EQ(stream_->failure()->detail, "out of memory");
  out_.clear();
}

TEST_F(TlsStreamMemoryTest, NoRoomForCloseNotifyIsNoEndInOrder) {
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  worker_.output = OutputBuffer(0);
  {
    ScarceMemory scarce(0);
    EXPECT_EQ(stream_->shutdownWrite(), IoStatus::kFailed);
  }
  EXPECT_EQ(stream_->failure()->text(), "internal");
}

TEST_F(TlsStreamMemoryTest, NoRoomForTheServersFlightIsOurShortage) {
  IoStatus status = IoStatus::kOk;
  int reported = 0;
  starve(
      [this] {
        worker_.output = OutputBuffer(0);
        client_->connect();
        client_->flush();
        ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
      },
      [&] {
        status = stream_->handshake();
        if (status != IoStatus::kFailed) return;
        ++reported;
        EXPECT_EQ(stream_->failure()->text(), "internal");
        EXPECT_EQ(stream_->failure()->detail, "out of memory");
        EXPECT_EQ(stream_->handshakeFailure(), HandshakeFailure::kOther);
        throw std::bad_alloc();  // once more, with more
      });
  EXPECT_GT(reported, 0);
  EXPECT_EQ(status, IoStatus::kBlocked) << "in the end";
}

TEST_F(HeldTicketTest, WithoutMemoryForItItsStreamFailsAndNoOther) {
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  const TimePoint due = Clock::now() + 2 * TicketDelay::kMoment;
  while (Clock::now() < due) waitFd(peer_.get(), POLLIN, 1);
  {
    ScarceMemory scarce(0);
    loop_.turn(true);
  }
  EXPECT_EQ(released_, 0);
  EXPECT_EQ(toRead_, 1) << "who drives the stream hears of it by reading";
  EXPECT_EQ(stream_->failure()->text(), "internal");
  EXPECT_EQ(stream_->read(in_, kFifo).status, IoStatus::kFailed);
}

}  // namespace
}  // namespace culvert
