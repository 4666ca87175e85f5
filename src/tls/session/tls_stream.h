// SPDX-License-Identifier: GPL-3.0-or-later
// TlsStream is the TLS side of a tunnel. It makes the handshake first, then decrypts and encrypts
// payload. After the handshake, the code is the same for a TLS client and a TLS server. Thread:
// loop.
#pragma once

#include <memory>
#include <string>

#include "tls/session/facts.h"
#include "tls/session/record_sizer.h"
#include "tls/session/tls_transport.h"

namespace culvert {

class ServerHandshake;

class TlsStream final : public TlsTransport {
 public:
  /// Makes a stream that acts as TLS server. The stream holds `endpoint` until the handshake is
  /// done.
  TlsStream(TlsWorker& worker, UniqueFd fd, std::shared_ptr<const TlsEndpoint> endpoint);
  ~TlsStream() override;

  /// Continues the handshake. Returns kEof if the peer closed before its first byte.
  IoStatus handshake() override;
  std::string handshakeProgress() const override;
  IoResult read(RingBuffer& into, size_t limit) override;
  IoResult write(RingBuffer& from) override;
  IoStatus shutdownWrite() override;

  /// The server name (SNI) that the client sent. Empty before the hello, or if the client sent no
  /// name.
  const std::string& serverName() const { return context_.serverName; }
  /// The negotiated parameters of the session. Empty before the handshake is done.
  TlsFacts facts() const { return established_ ? describeSession(session_.get()) : TlsFacts{}; }
  HandshakeFailure handshakeFailure() const;
  bool established() const { return established_; }
  /// The client certificate and the verdict on it; nullptr if no certificate was requested.
  const PeerProof* peerProof() const { return context_.proof.get(); }

  /// Applies the CAs, CRLs and client rules of `newest`, and returns the verdict on the client.
  /// Before the client's certificate arrives, culvert only stores the new rules and accepts.
  /// Afterwards culvert judges the client again at once. If the client is refused, the caller must
  /// close the session.
  PeerVerdict applyTrust(const std::shared_ptr<const TlsEndpoint>& newest);

 private:
  IoResult decrypt(RingBuffer& into);
  IoStatus failSession(int wolfError);

  RecordSizer records_;
  std::unique_ptr<ServerHandshake> handshake_;  // kept after a failure, nullptr after a success
  bool notifySent_ = false;
};

}  // namespace culvert
