// SPDX-License-Identifier: GPL-3.0-or-later
// Two TlsStreams in one thread: culvert as the TLS client of a backend, and culvert as the server
// that plays the backend. The test relays the bytes between them, in pieces of any size. Thread:
// loop.
#pragma once

#include <gtest/gtest.h>

#include <ctime>
#include <memory>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "event/event_loop.h"
#include "socket_pair.h"
#include "tls/peer_auth/peer_auth.h"
#include "tls/session/tls_stream.h"
#include "unit/tls/support/memory_handshake.h"
#include "unit/tls/support/tls_test.h"

namespace culvert {

/// Trust in the CA NAME.pem of the test keys.
inline std::shared_ptr<const PeerAuth> trustIn(const std::string& name, PeerPurpose purpose) {
  PeerAuthSource source;
  source.purpose = purpose;
  source.mode = VerifyClient::kRequired;
  source.depth = 3;
  source.caFiles = {testKeys() / (name + ".pem")};
  PeerAuthLoaded loaded = loadPeerAuth(source, std::time(nullptr), nullptr);
  for (const auto& error : loaded.errors) ADD_FAILURE() << error.text;
  return loaded.auth;
}

/// The settings towards a backend, to be changed. The backend of the tests is leaf.example.org,
/// whose CA is root.pem.
inline TlsSettings backendSettings() {
  TlsSettings settings;
  settings.service = "test";
  settings.peerAuth = trustIn("root", PeerPurpose::kServers);
  return settings;
}
inline std::shared_ptr<BackendTls> backendTls(TlsSettings settings = backendSettings()) {
  auto tls = std::make_shared<BackendTls>();
  tls->settings = std::make_shared<const TlsSettings>(std::move(settings));
  return tls;
}
inline BackendPeer backendPeer(std::shared_ptr<const BackendTls> tls) {
  return {
      .tls = std::move(tls), .host = "leaf.example.org", .address = "192.0.2.1:443", .alpn = {}};
}

class BackendTest : public TlsTest {
 protected:
  static constexpr size_t kBuffer = 64 * 1024;

  void TearDown() override {  // the streams go before their workers
    client_.reset();
    server_.reset();
  }

  /// Connects two sockets to each other through the test.
  void openSockets() {
    client_.reset();
    server_.reset();
    toServer.clear();
    toClient.clear();
    okBefore_ = counted(Counter::kBackendHandshakesOk);
    failedBefore_ = counted(Counter::kBackendHandshakesFailed);
    SocketPair near = tcpPair();
    SocketPair far = tcpPair();
    ASSERT_TRUE(near.ours && near.theirs && far.ours && far.theirs);
    for (const int fd : {near.ours.get(), near.theirs.get(), far.ours.get(), far.theirs.get()})
      setNoDelay(fd);
    nearFd_ = std::move(near.ours);
    farFd_ = std::move(far.ours);
    near_ = std::move(near.theirs);
    far_ = std::move(far.theirs);
  }
  void open(BackendPeer peer, const TestTls& settings = testSettings({"leaf"}),
            const std::string& preface = {}) {
    openSockets();
    client_ = std::make_unique<TlsStream>(worker_, std::move(nearFd_), std::move(peer), preface);
    server_ = std::make_unique<TlsStream>(serverWorker_, std::move(farFd_),
                                          std::make_shared<const TlsEndpoint>(settings.endpoint()));
    skip_ = preface.size();
  }

  /// Moves at most `chunk` bytes in each direction. Returns whether something has moved. The server
  /// does not get the first `skip_` bytes.
  bool relay(size_t chunk = kBuffer) {
    bool moved = move(near_.get(), far_.get(), chunk, toServer, skip_);
    size_t none = 0;
    moved |= move(far_.get(), near_.get(), chunk, toClient, none);
    return moved;
  }
  static bool move(int from, int to, size_t chunk, std::string& seen, size_t& skip) {
    std::string block(chunk, 0);
    const ssize_t n = ::recv(from, block.data(), block.size(), 0);
    if (n <= 0) return false;
    block.resize(static_cast<size_t>(n));
    seen += block;
    const size_t part = std::min(skip, block.size());
    skip -= part;
    sendAll(to, std::string_view(block).substr(part));
    return true;
  }
  /// Waits a moment for the kernel to deliver something.
  void rest() const {
    pollfd entries[2] = {{near_.get(), POLLIN, 0}, {far_.get(), POLLIN, 0}};
    ::poll(entries, 2, 1);
  }

  /// Runs both handshakes until they are over. Returns the client's status; server.status is the
  /// server's. kBlocked: one of them was never over.
  IoStatus shake(size_t chunk = kBuffer) {
    IoStatus status = IoStatus::kBlocked;
    serverStatus_ = IoStatus::kBlocked;
    for (int idle = 0; idle < 500;) {
      if (status == IoStatus::kBlocked) status = client_->handshake();
      if (serverStatus_ == IoStatus::kBlocked) serverStatus_ = server_->handshake();
      const bool moved = relay(chunk);
      if (!moved && status != IoStatus::kBlocked && serverStatus_ != IoStatus::kBlocked) break;
      idle = moved ? 0 : idle + 1;
      if (!moved) rest();
    }
    return status;
  }

  /// Sends `text` from one stream to the other. Returns what arrived.
  std::string pass(ByteStream& from, ByteStream& to, const std::string& text) {
    EXPECT_TRUE(out_.append(asBytes(text)));
    EXPECT_EQ(from.write(out_).status, IoStatus::kOk);
    return arrive(to, text.size());
  }
  /// Reads until `bytes` bytes are there, or the stream ends; readStatus_ says how.
  std::string arrive(ByteStream& to, size_t bytes) {
    std::string text;
    for (int idle = 0; idle < 500 && text.size() < bytes;) {
      const bool moved = relay();
      const IoResult r = to.read(in_, kBuffer);
      readStatus_ = r.status;
      while (!in_.empty()) {
        text += asText(in_.readable());
        in_.consume(in_.readable().size());
      }
      if (r.status != IoStatus::kOk && r.status != IoStatus::kBlocked) break;
      idle = moved || r.bytes != 0 ? 0 : idle + 1;
      if (!moved) rest();
    }
    return text;
  }
  void expectAlive() {
    EXPECT_EQ(pass(*client_, *server_, "ping"), "ping");
    EXPECT_EQ(pass(*server_, *client_, "pong"), "pong");
  }

  /// culvert's last hello. Its views are valid while `hello_` and `gatherer_` are.
  const ClientHello& helloOffered() {
    hello_ = {};
    gatherer_ = {};
    EXPECT_EQ(gatherer_.feed(asBytes(toServer), hello_).status, HelloStatus::kComplete);
    return hello_;
  }
  /// The groups of the key shares in culvert's last hello.
  std::vector<uint16_t> sharesOffered() {
    std::vector<uint16_t> groups;
    helloOffered().forEachKeyShare(
        [&groups](uint16_t group, std::span<const uint8_t>) { groups.push_back(group); });
    return groups;
  }
  uint64_t counted(Counter counter) const { return counters_.get(counter); }

  EventLoop loop_;
  BufferPool pool_;
  CounterBlock counters_;
  CounterBlock serverCounters_;
  std::unique_ptr<TicketKeys> keys_ = freshTicketKeys();
  TlsWorker worker_{loop_, pool_, counters_, nullptr};
  TlsWorker serverWorker_{loop_, pool_, serverCounters_, keys_.get()};
  RingBuffer in_{pool_, kBuffer};
  RingBuffer out_{pool_, kBuffer};
  UniqueFd nearFd_, farFd_;  // the sockets of the streams, until they are made
  UniqueFd near_, far_;      // the test's ends
  size_t skip_ = 0;
  uint64_t okBefore_ = 0;  // the counters when the sockets were made
  uint64_t failedBefore_ = 0;
  std::string toServer, toClient;  // all bytes that passed
  ClientHello hello_;
  HelloGatherer gatherer_;
  IoStatus serverStatus_ = IoStatus::kBlocked;
  IoStatus readStatus_ = IoStatus::kBlocked;
  std::unique_ptr<TlsStream> client_;
  std::unique_ptr<TlsStream> server_;
};

}  // namespace culvert
