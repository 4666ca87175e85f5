// SPDX-License-Identifier: GPL-3.0-or-later
// ServerHandshake is the server side of one handshake. It gathers and judges the ClientHello before
// it creates a WOLFSSL, so a port scanner costs only a few bytes. Then it runs wolfSSL_accept on
// input from memory. A TlsStream owns it until the handshake is done. Thread: loop.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tls/hello/hello_gatherer.h"
#include "tls/hello/hello_guard.h"
#include "tls/hello/plain_flight.h"
#include "tls/session/tls_transport.h"

namespace culvert {

class ServerHandshake final : private RecordGuard {
 public:
  /// `io` is the transport of the stream that owns the handshake.
  ServerHandshake(TlsTransport& io, std::shared_ptr<const TlsEndpoint> endpoint);
  ServerHandshake(const ServerHandshake&) = delete;
  ServerHandshake& operator=(const ServerHandshake&) = delete;

  /// Continues with the bytes that have arrived. kOk: the handshake is done and the session is
  /// established. kEof: the peer closed before its first byte.
  IoStatus step();
  /// How far the handshake has come, as text for the log.
  std::string progress() const;
  HandshakeFailure failure() const { return failure_; }

  /// See TlsStream::applyTrust.
  PeerVerdict applyTrust(const std::shared_ptr<const TlsEndpoint>& newest);

 private:
  IoStatus gatherHello();
  IoStatus beginSession(const ClientHello& hello, std::span<const uint8_t> preface,
                        std::span<const uint8_t> rest);
  IoStatus takeFlight(std::span<const uint8_t> bytes);
  IoStatus gatherSecond(std::span<const uint8_t> bytes);
  IoStatus drive(const ClientHello* first = nullptr);
  int beforeRecord() noexcept override;
  IoStatus fail(int wolfError);
  AlertsSeen endWithAlert(int wolfError);
  IoStatus refuse(CloseReason reason, uint8_t alert, HandshakeFailure kind);
  IoStatus leftEarly(IoStatus status);
  void finish();

  TlsTransport& io_;
  std::shared_ptr<const TlsEndpoint> endpoint_;
  HelloGatherer gatherer_;
  HelloGatherer second_;        // after a HelloRetryRequest
  HelloGuard guard_;            // TLS 1.3
  PlainFlight flight_;          // TLS 1.2
  RecordVerdict verdict_;       // of the guard, if it ended the handshake
  std::vector<uint8_t> bytes_;  // only for a hello that arrives in pieces
  std::vector<uint8_t> held_;   // bytes after the hello, until a record can be judged
  HandshakeFailure failure_ = HandshakeFailure::kNone;
  bool sawByte_ = false;
  bool tls13_ = false;
  bool certificateAsked_ = false;
  bool answered_ = false;  // a ServerHello was sent: later records are encrypted
};

}  // namespace culvert
