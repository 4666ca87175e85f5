// SPDX-License-Identifier: GPL-3.0-or-later
// A TlsStream on one end of a loopback connection and a wolfSSL client on the other, driven in one
// thread: the fixture of the tls_stream tests. Thread: loop.
#pragma once

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "byte_pattern.h"
#include "event/event_loop.h"
#include "socket_pair.h"
#include "tls/library/wolfssl.h"
#include "tls/session/tls_stream.h"
#include "unit/tls/support/test_endpoint.h"
#include "unit/tls/support/tls_test.h"

namespace culvert {

constexpr size_t kFifo = 64 * 1024;

/// A client session: what it wants to send gathers in `out` and goes to the socket when the test
/// says so.
class Client {
 public:
  explicit Client(int fd, WOLFSSL_METHOD* method = wolfTLSv1_3_client_method(), bool verify = false)
      : fd_(fd) {
    ctx_ = wolfSSL_CTX_new(method);
    wolfSSL_CTX_set_verify(ctx_, verify ? WOLFSSL_VERIFY_PEER : WOLFSSL_VERIFY_NONE, nullptr);
    wolfSSL_CTX_SetIORecv(ctx_, &Client::onRecv);
    wolfSSL_CTX_SetIOSend(ctx_, &Client::onSend);
    ssl_ = wolfSSL_new(ctx_);
    wolfSSL_SetIOReadCtx(ssl_, this);
    wolfSSL_SetIOWriteCtx(ssl_, this);
    const std::string name = "www.example.org";
    wolfSSL_UseSNI(ssl_, WOLFSSL_SNI_HOST_NAME, name.data(),
                   static_cast<unsigned short>(name.size()));
  }
  ~Client() {
    wolfSSL_free(ssl_);
    wolfSSL_CTX_free(ctx_);
  }

  /// One step of the handshake. True once it is done.
  bool connect() {
    const int result = wolfSSL_connect(ssl_);
    error = result == WOLFSSL_SUCCESS ? 0 : wolfSSL_get_error(ssl_, result);
    return result == WOLFSSL_SUCCESS;
  }
  bool flush() {
    const bool sent = sendAll(fd_, out);
    out.clear();
    return sent;
  }
  void write(const std::string& text) {
    for (size_t at = 0; at < text.size();) {
      const int n = wolfSSL_write(ssl_, text.data() + at,
                                  static_cast<int>(std::min<size_t>(text.size() - at, 16384)));
      ASSERT_GT(n, 0) << wolfSSL_get_error(ssl_, n);
      at += static_cast<size_t>(n);
    }
  }
  /// What can be read now; `error` says why it ended.
  std::string read() {
    std::string text;
    char block[16384];
    for (;;) {
      const int n = wolfSSL_read(ssl_, block, sizeof block);
      if (n <= 0) {
        error = wolfSSL_get_error(ssl_, n);
        return text;
      }
      text.append(block, static_cast<size_t>(n));
    }
  }
  void closeNotify() { wolfSSL_shutdown(ssl_); }
  /// The first hello has a share of this group only.
  void shareFirst(uint16_t group) { ASSERT_EQ(wolfSSL_UseKeyShare(ssl_, group), WOLFSSL_SUCCESS); }
  void updateKeys() { ASSERT_EQ(wolfSSL_update_keys(ssl_), WOLFSSL_SUCCESS); }
  std::optional<uint8_t> alert() { return alertsSeen(ssl_).received; }

  std::string out;
  int error = 0;

 private:
  static int onRecv(WOLFSSL*, char* into, int size, void* self) {
    const ssize_t n = ::recv(static_cast<Client*>(self)->fd_, into, static_cast<size_t>(size), 0);
    if (n > 0) return static_cast<int>(n);
    if (n == 0) return WOLFSSL_CBIO_ERR_CONN_CLOSE;
    return errno == EAGAIN ? WOLFSSL_CBIO_ERR_WANT_READ : WOLFSSL_CBIO_ERR_CONN_RST;
  }
  static int onSend(WOLFSSL*, char* from, int size, void* self) {
    static_cast<Client*>(self)->out.append(from, static_cast<size_t>(size));
    return size;
  }

  int fd_;
  WOLFSSL_CTX* ctx_ = nullptr;
  WOLFSSL* ssl_ = nullptr;
};

class TlsStreamTest : public TlsTest {
 protected:
  void SetUp() override { open(); }

  void open(TestTls settings = testSettings(), int bufferBytes = 0) {
    SocketPair pair = tcpPair();
    ASSERT_TRUE(pair.ours && pair.theirs);
    if (bufferBytes != 0) {
      ::setsockopt(pair.ours.get(), SOL_SOCKET, SO_SNDBUF, &bufferBytes, sizeof bufferBytes);
      ::setsockopt(pair.theirs.get(), SOL_SOCKET, SO_RCVBUF, &bufferBytes, sizeof bufferBytes);
    }
    setNoDelay(pair.theirs.get());
    setNoDelay(pair.ours.get());
    peer_ = std::move(pair.theirs);
    auto shared = std::make_shared<const TlsEndpoint>(settings.endpoint());
    settings_ = shared;
    client_ = std::make_unique<Client>(peer_.get());
    stream_ = std::make_unique<TlsStream>(worker_, std::move(pair.ours), std::move(shared));
  }
  /// Lets both sides talk until the handshake is over. kBlocked: it never was.
  IoStatus shakeHands() {
    bool clientDone = false;
    for (int round = 0; round < 50; ++round) {
      if (!clientDone) clientDone = client_->connect();
      client_->flush();
      waitFd(stream_->fd(), POLLIN, 20);
      const IoStatus status = stream_->handshake();
      if (status == IoStatus::kOk) {
        for (int i = 0; i < 10 && !clientDone; ++i)
          clientDone = waitFd(peer_.get(), POLLIN, 20) && client_->connect();
        client_->flush();
        EXPECT_TRUE(clientDone);
        return status;
      }
      if (status != IoStatus::kBlocked) return status;
      waitFd(peer_.get(), POLLIN, 20);
    }
    return IoStatus::kBlocked;
  }
  /// One read() once something is there; what came is appended to `text`.
  IoStatus readInto(std::string& text, size_t limit = kFifo) {
    if (!waitFd(stream_->fd(), POLLIN)) return IoStatus::kBlocked;
    const IoResult r = stream_->read(in_, limit);
    EXPECT_EQ(r.bytes, in_.size());
    drain(in_, text);
    return r.status;
  }
  static void drain(RingBuffer& buffer, std::string& text) {
    while (!buffer.empty()) {
      const auto piece = buffer.readable();
      text.append(piece.begin(), piece.end());
      buffer.consume(piece.size());
    }
  }
  /// Reads until `bytes` are there or the stream says something else than "more".
  IoStatus readAll(std::string& text, size_t bytes) {
    IoStatus status = IoStatus::kOk;
    while (text.size() < bytes && status == IoStatus::kOk) status = readInto(text);
    return status;
  }
  void put(const std::string& text) {
    ASSERT_TRUE(out_.append({reinterpret_cast<const uint8_t*>(text.data()), text.size()}));
  }
  std::string clientReads(size_t bytes) {
    std::string text;
    for (int i = 0; i < 200 && text.size() < bytes; ++i) {
      text += client_->read();
      if (text.size() < bytes && !waitFd(peer_.get(), POLLIN, 100)) break;
    }
    return text;
  }
  uint64_t carried() const { return counters_.get(Counter::kCiphertextCarried); }

  EventLoop loop_;
  BufferPool pool_;
  CounterBlock counters_;
  TlsWorker worker_{loop_, pool_, counters_, nullptr};
  RingBuffer in_{pool_, kFifo};
  RingBuffer out_{pool_, kFifo};
  UniqueFd peer_;
  std::weak_ptr<const TlsEndpoint> settings_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<TlsStream> stream_;
};

// --- the handshake

}  // namespace culvert
