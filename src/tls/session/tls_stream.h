// SPDX-License-Identifier: GPL-3.0-or-later
// TlsStream is an end of a tunnel that speaks TLS: its handshake first, then payload in and out of
// records. Once the handshake is done, nothing in here depends on the role. Thread: loop.
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
  /// The server's side. `endpoint` is held until the handshake is done.
  TlsStream(TlsWorker& worker, UniqueFd fd, std::shared_ptr<const TlsEndpoint> endpoint);
  ~TlsStream() override;

  /// kEof: the peer left before its first byte.
  IoStatus handshake() override;
  std::string handshakeProgress() const override;
  IoResult read(RingBuffer& into, size_t limit) override;
  IoResult write(RingBuffer& from) override;
  IoStatus shutdownWrite() override;

  /// What the client asked for; empty where it named nothing, or before the hello.
  const std::string& serverName() const { return context_.serverName; }
  /// What was negotiated, asked of the session; empty before the end of the handshake.
  TlsFacts facts() const { return established_ ? describeSession(session_.get()) : TlsFacts{}; }
  HandshakeFailure handshakeFailure() const;
  bool established() const { return established_; }
  /// nullptr: no certificate was requested.
  const PeerProof* peerProof() const { return context_.proof.get(); }

  /// Other CAs, lists or rules for clients are in force, those of `newest`. Within the handshake the
  /// client will be judged by them, after it at once; where the verdict is against it, it must not
  /// go on.
  PeerVerdict applyTrust(const std::shared_ptr<const TlsEndpoint>& newest);

 private:
  IoResult decrypt(RingBuffer& into);
  IoStatus failSession(int wolfError);

  RecordSizer records_;
  std::unique_ptr<ServerHandshake> handshake_;  // until it is done; stays after a failure
  bool notifySent_ = false;
};

}  // namespace culvert
