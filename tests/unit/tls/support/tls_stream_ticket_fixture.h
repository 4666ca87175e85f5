// SPDX-License-Identifier: GPL-3.0-or-later
// A TlsStream that gives its clients session tickets, and says when it wants to be driven. Thread:
// loop.
#pragma once

#include <sys/ioctl.h>

#include "tls/tickets/ticket_keys.h"
#include "unit/tls/support/memory_handshake.h"
#include "unit/tls/support/tls_stream_fixture.h"

namespace culvert {

class HeldTicketTest : public TlsStreamTest, private StreamObserver {
 protected:
  void SetUp() override { openWithTickets(); }
  void TearDown() override { stream_.reset(); }  // before its worker

  void openWithTickets(WOLFSSL_METHOD* method = wolfTLSv1_3_client_method()) {
    SocketPair pair = tcpPair();
    ASSERT_TRUE(pair.ours && pair.theirs);
    peer_ = std::move(pair.theirs);
    client_ = std::make_unique<Client>(peer_.get(), method);
    stream_ =
        std::make_unique<TlsStream>(keyedWorker_, std::move(pair.ours),
                                    std::make_shared<const TlsEndpoint>(testSettings().endpoint()));
    stream_->setObserver(this);
  }
  /// What the client's kernel has received and nobody has read.
  size_t arrived() {
    int bytes = 0;
    EXPECT_EQ(::ioctl(peer_.get(), FIONREAD, &bytes), 0);
    return static_cast<size_t>(bytes);
  }

  int released_ = 0;
  int toRead_ = 0;

 private:
  void onReadable() override { ++toRead_; }
  void onWritable() override {
    ++released_;
    EXPECT_EQ(stream_->flush(), IoStatus::kOk);
  }

  std::unique_ptr<TicketKeys> keys_ = freshTicketKeys();
  TlsWorker keyedWorker_{loop_, pool_, counters_, keys_.get()};
};

}  // namespace culvert
