// SPDX-License-Identifier: GPL-3.0-or-later
// TlsStream is a TLS end of a tunnel: the client's, where culvert is the server, or the backend's,
// where culvert is the client. It makes the handshake first, then decrypts and encrypts payload
// through a RecordLayer. After the handshake, the code is the same for both. Thread: loop.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tls/session/backend_peer.h"
#include "tls/session/explain.h"
#include "tls/session/record_layer.h"
#include "tls/session/tls_transport.h"

namespace culvert {

class Handshake;
class HandshakeTurn;

class TlsStream final : public TlsTransport {
 public:
  /// Makes a stream that acts as TLS server. The stream holds `endpoint` until the handshake is
  /// done.
  /// `early` are bytes of the client that have been received already.
  TlsStream(TlsWorker& worker, UniqueFd fd, std::shared_ptr<const TlsEndpoint> endpoint,
            std::vector<uint8_t> early = {});
  /// Makes a stream that acts as TLS client of a backend. `preface` (the PROXY header) leaves in
  /// plain text before the ClientHello.
  TlsStream(TlsWorker& worker, UniqueFd fd, BackendPeer backend, const std::string& preface = {});
  ~TlsStream() override;

  /// Continues the handshake. Returns kEof if the peer closed before its first byte.
  IoStatus handshake() override;
  std::string handshakeProgress() const override;
  std::optional<CloseReason> handshakeDelay() const override;
  IoResult read(RingBuffer& into, size_t limit) override;
  IoResult write(RingBuffer& from) override;
  size_t writeUnit() const override { return records_ ? records_->payloadIn(kOneSend) : kOneSend; }
  IoStatus flush() override;
  IoStatus shutdownWrite() override;

  /// Makes the handshake of a server wait for its turn if it is a full one. Call before the first
  /// handshake(). nullptr means that nothing limits the handshake.
  void setTurn(std::unique_ptr<HandshakeTurn> turn);

  /// The server name (SNI) that the client sent, or that culvert sent to the backend. Empty before
  /// the hello, or if there was no name.
  const std::string& serverName() const { return context_.serverName; }
  /// The negotiated parameters of the session. Empty before the handshake is done.
  TlsFacts facts() const { return negotiated_.describe(); }
  const Negotiated& negotiated() const { return negotiated_; }
  HandshakeFailure handshakeFailure() const;
  bool established() const { return established_; }
  /// The peer's certificate and the verdict on it; nullptr if it is not verified.
  const PeerProof* peerProof() const { return context_.proof.get(); }

  /// Applies the CAs, CRLs and client rules of `newest`, and returns the verdict on the client.
  /// Before the client's certificate arrives, culvert only stores the new rules and accepts.
  /// Afterwards culvert judges the client again at once. If the client is refused, the caller must
  /// close the session.
  PeerVerdict applyTrust(const std::shared_ptr<const TlsEndpoint>& newest);

 private:
  IoResult receiveRecords(RingBuffer& into, size_t limit);
  IoStatus answer();

  std::unique_ptr<Handshake> handshake_;  // kept after a failure, nullptr after a success
  std::unique_ptr<RecordLayer> records_;  // nullptr until the handshake is done
  bool notifySent_ = false;
};

}  // namespace culvert
