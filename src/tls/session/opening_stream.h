// SPDX-License-Identifier: GPL-3.0-or-later
// OpeningStream is an end of a tunnel that needs more than a TLS handshake before it carries bytes:
// a proxy to go through (via), a dialog that agrees on TLS (starttls, backend-starttls), or both. It
// runs the pure machines on its socket, changes to TLS at their word, and lets them change the first
// bytes behind TLS. Then successor() takes its place, so an established tunnel pays nothing.
// Thread: loop.
//
//   proxy -> preface (PROXY header) -> dialog -> TLS handshake -> settling -> done
//
// Invariants:
//   1. Bytes that a machine has not used yet stay in held_ (the peer's) and farHeld_ (the far
//      side's), in one piece. culvert takes no more while one of them has kMostHeld bytes.
//   2. Bytes for the peer that have not left are in toPeer_; bytes for the far side, in toFar_.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/socket_stream.h"
#include "proxy/proxy_dialog.h"
#include "starttls/dialog.h"
#include "tls/hello/hello_gatherer.h"
#include "tls/session/backend_peer.h"
#include "tls/session/tls_stream.h"

namespace culvert {

/// The endpoint for a ClientHello, or why there is none.
struct ChosenEndpoint {
  std::shared_ptr<const TlsEndpoint> endpoint;
  uint8_t alert = 0;
  CloseReason reason{};
};

/// What an OpeningStream has to do, in this order. At most one of `server` and `client` is set.
struct OpeningParts {
  std::unique_ptr<ProxyDialog> proxy;
  std::string preface;  ///< the PROXY header
  std::unique_ptr<Dialog> dialog;
  std::shared_ptr<const TlsEndpoint> server;  ///< culvert is the TLS server
  std::optional<BackendPeer> client;          ///< culvert is the TLS client
  bool isBackend = false;                     ///< the peer is the backend
  std::vector<uint8_t> early{};               ///< bytes of the peer that were received already
  /// With `server` empty: culvert is the TLS server, and this function gets the ClientHello and
  /// returns the endpoint, or an error, which ends the stream with `alert`. After it has returned an
  /// endpoint, handshake() returns kBlocked once, so that the caller can pass the stream on.
  std::function<ChosenEndpoint(const ClientHello&)> choose{};
};

class OpeningStream final : public SocketStream {
 public:
  OpeningStream(TlsWorker& worker, UniqueFd fd, OpeningParts parts);
  ~OpeningStream() override;

  /// Called when TLS begins, with the TLS stream that this stream then owns.
  std::function<void(TlsStream&)> onTls;
  /// Uses `newest` if TLS has not begun.
  void renew(const std::shared_ptr<const TlsEndpoint>& newest);

  IoStatus handshake() override;
  std::string handshakeProgress() const override;
  std::optional<CloseReason> handshakeDelay() const override {
    return tls_ ? tls_->handshakeDelay() : std::nullopt;
  }
  OpeningPhase phase() const override;
  std::unique_ptr<ByteStream> successor() override;

  IoResult read(RingBuffer& into, size_t limit) override;
  IoResult write(RingBuffer& from) override;
  IoStatus flush() override;
  size_t backlog() const override;
  uint64_t transmitted() const override;
  IoStatus shutdownWrite() override;
  size_t unacknowledged() const override;
  bool hungUp() const override;
  void abort() override;
  IoResult discardInput(size_t limit) override;
  void watch(bool readable, bool writable) override;
  std::optional<CloseReason> failure() const override;

 private:
  enum class Stage : uint8_t { kProxy, kDialog, kTls, kSettling, kDone };

  // What the machines take on the heap, with the lines that they keep.
  static constexpr size_t kMemory = 4 * 1024;
  static constexpr size_t kMostHeld = Dialog::kLongestLine + 1;

  IoStatus begin();
  IoStatus runProxy();
  IoStatus behindProxy();
  IoStatus runDialog();
  void passOn();
  IoStatus take(const DialogStep& step);
  IoStatus takeTls(bool restIsTls);
  IoStatus driveTls();
  IoStatus chooseEndpoint();
  IoStatus receivePlain(size_t limit);
  IoStatus receiveMore();
  IoResult readDialog(RingBuffer& into, size_t limit, size_t moved);
  IoStatus moveToFar(RingBuffer& into, size_t limit, size_t& moved);
  IoStatus leftEarly() const;
  IoStatus fail(CloseReason reason);
  void keep(std::string& text);
  bool quiet() const {
    return held_.empty() && farHeld_.empty() && toFar_.empty() && toPeer_.empty();
  }
  bool dialogs() const { return stage_ == Stage::kDialog || stage_ == Stage::kSettling; }

  TlsWorker& worker_;
  OpeningParts parts_;
  std::unique_ptr<TlsStream> tls_;  // once TLS has begun
  HelloGatherer hello_;             // for parts_.choose
  DialogOutput out_;                // of the step in progress
  std::vector<uint8_t> held_;
  std::vector<uint8_t> farHeld_;
  RingBuffer toPeer_;
  std::string toFar_;
  std::unique_ptr<const CloseReason> failure_;
  const MemoryCharge memory_;
  Stage stage_;
  bool begun_ = false;
  bool heard_ = false;  // the peer has sent a byte
  bool ended_ = false;  // the dialog has said goodbye: the stream ends behind toFar_
  bool finishWanted_ = false;
  bool finished_ = false;
};

}  // namespace culvert
