// SPDX-License-Identifier: GPL-3.0-or-later
// TlsStream is the end of a tunnel that speaks TLS. It makes the handshake first, then decrypts and
// encrypts payload. After the handshake nothing in this class depends on the role (client or
// server). Thread: loop.
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
  /// Makes a stream in the role of the server. The stream holds `endpoint` until the handshake is
  /// done.
  TlsStream(TlsWorker& worker, UniqueFd fd, std::shared_ptr<const TlsEndpoint> endpoint);
  ~TlsStream() override;

  /// Continues the handshake. kOk: it is done. kEof: the client closed before its first byte.
  IoStatus handshake() override;
  std::string handshakeProgress() const override;
  IoResult read(RingBuffer& into, size_t limit) override;
  IoResult write(RingBuffer& from) override;
  IoStatus shutdownWrite() override;

  /// The server name (SNI) that the client sent; empty before the hello or if the client sent none.
  const std::string& serverName() const { return context_.serverName; }
  /// The negotiated parameters, read from the session; empty before the handshake is done.
  TlsFacts facts() const { return established_ ? describeSession(session_.get()) : TlsFacts{}; }
  HandshakeFailure handshakeFailure() const;
  bool established() const { return established_; }
  /// What is known of the client's certificate; nullptr: no certificate was requested.
  const PeerProof* peerProof() const { return context_.proof.get(); }

  /// Applies the CAs, CRLs and client rules of `newest`, and returns the verdict on the client.
  /// Before the client's certificate arrives, culvert only stores them. Afterwards culvert judges
  /// the client by them at once. If the verdict is a refusal, the caller must close the session.
  PeerVerdict applyTrust(const std::shared_ptr<const TlsEndpoint>& newest);

 private:
  IoResult decrypt(RingBuffer& into);
  IoStatus failSession(int wolfError);

  RecordSizer records_;
  std::unique_ptr<ServerHandshake> handshake_;  // nullptr once done; kept after a failure
  bool notifySent_ = false;
};

}  // namespace culvert
