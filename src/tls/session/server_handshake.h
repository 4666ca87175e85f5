// SPDX-License-Identifier: GPL-3.0-or-later
// ServerHandshake is the server's side of one handshake: the ClientHello is gathered and judged
// before a WOLFSSL exists, so that a port scanner costs a few bytes; then wolfSSL_accept is driven
// from memory. A TlsStream owns it until it is done. Thread: loop.
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

  /// Goes on with what has arrived. kOk: done, and the session is established. kEof: the peer left
  /// before its first byte.
  IoStatus step();
  /// How far it has come, for a person.
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
  RecordVerdict verdict_;       // of the guard, where it ended the handshake
  std::vector<uint8_t> bytes_;  // only for a hello that comes in pieces
  std::vector<uint8_t> held_;   // behind it, until there is enough to judge by
  HandshakeFailure failure_ = HandshakeFailure::kNone;
  bool sawByte_ = false;
  bool tls13_ = false;
  bool certificateAsked_ = false;
  bool answered_ = false;  // a ServerHello has left; from there on records are protected
};

}  // namespace culvert
