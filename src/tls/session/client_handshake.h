// SPDX-License-Identifier: GPL-3.0-or-later
// ClientHandshake is the client side of one TLS handshake: culvert opens a session with a backend. It
// offers a stored session if the worker has one, verifies the backend, and keeps the session for
// later. It runs wolfSSL_connect on input from memory. A TlsStream owns the ClientHandshake until the
// handshake is done. Thread: loop.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tls/hello/server_hello_guard.h"
#include "tls/session/backend_peer.h"
#include "tls/session/handshake.h"
#include "tls/session/session_export.h"
#include "tls/session/session_pool.h"
#include "tls/session/tls_transport.h"

namespace culvert {

class ClientHandshake final : public Handshake, private RecordGuard {
 public:
  /// `io` is the transport of the stream that owns the handshake.
  ClientHandshake(TlsTransport& io, BackendPeer peer);
  ClientHandshake(const ClientHandshake&) = delete;
  ClientHandshake& operator=(const ClientHandshake&) = delete;

  /// The first call sends the ClientHello.
  IoStatus step() override;
  std::string progress() const override;
  HandshakeFailure failure() const override { return failure_; }
  std::unique_ptr<RecordLayer> takeRecords() override;

 private:
  IoStatus begin();
  IoStatus drive();
  int beforeRecord() noexcept override;
  IoStatus fail(int wolfError);
  IoStatus end(CloseReason reason);
  IoStatus leftEarly(IoStatus status);
  CloseReason explainRefusal(int wolfError);
  void finish();
  std::unique_ptr<StoredSession> sessionPattern() const;
  void keepLibrarySession();
  int64_t certificateEnd() const;
  WOLFSSL* ssl() const { return io_.wolf_->session.get(); }

  TlsTransport& io_;
  BackendPeer peer_;
  SessionKey key_;
  std::unique_ptr<StoredSession> offered_;  // the session that culvert tries to resume
  ServerHelloGuard guard_;
  RecordVerdict verdict_;      // the reason if guard_ ended the handshake
  std::vector<uint8_t> held_;  // start of the next record, too short to judge
  std::string firstBytes_;     // the start of an answer that is not TLS
  SessionKeys keys_;           // the session's, when the handshake is done
  ExportResult exported_ = ExportResult::kLibrary;
  HandshakeFailure failure_ = HandshakeFailure::kNone;
  int64_t sessionEnd_ = 0;  // wall clock, seconds: when the session must not be resumed any more
  bool sawByte_ = false;
};

}  // namespace culvert
