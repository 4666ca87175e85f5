// SPDX-License-Identifier: GPL-3.0-or-later
// ServerHandshake is the server side of one TLS handshake. It gathers and judges the ClientHello
// before it creates a WOLFSSL, so a port scanner takes only a few bytes of memory. Then it runs
// wolfSSL_accept on input from memory. A TlsStream owns the ServerHandshake until the handshake is
// done. Thread: loop.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tls/hello/hello_gatherer.h"
#include "tls/hello/hello_guard.h"
#include "tls/hello/plain_flight.h"
#include "tls/session/handshake.h"
#include "tls/session/session_export.h"
#include "tls/session/tls_transport.h"

namespace culvert {

class ServerHandshake final : public Handshake, private RecordGuard {
 public:
  /// `io` is the transport of the stream that owns the handshake. `early` are bytes of the client
  /// that have been received already.
  ServerHandshake(TlsTransport& io, std::shared_ptr<const TlsEndpoint> endpoint,
                  std::vector<uint8_t> early);
  ServerHandshake(const ServerHandshake&) = delete;
  ServerHandshake& operator=(const ServerHandshake&) = delete;

  IoStatus step() override;
  std::string progress() const override;
  HandshakeFailure failure() const override { return failure_; }
  std::optional<CloseReason> delay() const override;
  void setTurn(std::unique_ptr<HandshakeTurn> turn) override { turn_ = std::move(turn); }
  std::unique_ptr<RecordLayer> takeRecords() override;
  PeerVerdict applyTrust(const std::shared_ptr<const TlsEndpoint>& newest) override;

 private:
  IoStatus gatherHello();
  IoStatus gatherBytes(std::span<const uint8_t> bytes);
  HandshakeTurn::State askForTurn(const TlsContext& context, const ClientHello& hello,
                                  uint16_t version);
  IoStatus keepForTurn(std::span<const uint8_t> preface, std::span<const uint8_t> rest);
  IoStatus awaitTurn();
  void endTurn();
  void settleTurn();
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
  WOLFSSL* ssl() const { return io_.wolf_->session.get(); }

  TlsTransport& io_;
  std::shared_ptr<const TlsEndpoint> endpoint_;
  HelloGatherer gatherer_;
  HelloGatherer second_;        // gathers the hello that follows a HelloRetryRequest
  HelloGuard guard_;            // used in TLS 1.3 only
  PlainFlight flight_;          // used in TLS 1.2 only
  RecordVerdict verdict_;       // the reason if guard_ or flight_ ended the handshake
  std::vector<uint8_t> bytes_;  // the hello so far, if it arrives in pieces or waits for its turn
  std::vector<uint8_t> early_;  // received before this object was made
  std::vector<uint8_t> held_;   // start of the next record, too short to judge
  SessionKeys keys_;            // the session's, when the handshake is done
  ExportResult exported_ = ExportResult::kLibrary;
  std::unique_ptr<HandshakeTurn> turn_;  // until culvert has answered the hello
  HandshakeFailure failure_ = HandshakeFailure::kNone;
  bool sawByte_ = false;
  bool waitsForTurn_ = false;  // the hello in bytes_ waits until turn_ has its turn
  bool tls13_ = false;
  bool certificateAsked_ = false;
  bool answered_ = false;  // a ServerHello was sent, so later records are encrypted
};

}  // namespace culvert
