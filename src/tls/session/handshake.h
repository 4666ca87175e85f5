// SPDX-License-Identifier: GPL-3.0-or-later
// Handshake is the opening of one TLS session, as server (ServerHandshake) or as client
// (ClientHandshake). A TlsStream owns it until the session is established. Thread: loop.
#pragma once

#include <memory>
#include <string>

#include "net/byte_stream.h"
#include "tls/peer_auth/peer_verifier.h"
#include "tls/session/explain.h"
#include "tls/session/record_layer.h"

namespace culvert {

struct TlsEndpoint;

class Handshake {
 public:
  virtual ~Handshake() = default;

  /// Receives once and continues the handshake. Returns kOk if the session is established, kBlocked
  /// if the caller must call again when the socket is ready, and kEof if a client closed before its
  /// first byte. Any other status means that the handshake failed.
  virtual IoStatus step() = 0;
  /// Returns a text for the log that says how far the handshake has come.
  virtual std::string progress() const = 0;
  virtual HandshakeFailure failure() const = 0;
  /// Returns the record layer of the session. Call once, after step() has returned kOk.
  virtual std::unique_ptr<RecordLayer> takeRecords() = 0;
  /// See TlsStream::applyTrust().
  virtual PeerVerdict applyTrust(const std::shared_ptr<const TlsEndpoint>&) { return {}; }
};

}  // namespace culvert
