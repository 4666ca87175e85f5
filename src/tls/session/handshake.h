// SPDX-License-Identifier: GPL-3.0-or-later
// Handshake is the opening of one TLS session, as server (ServerHandshake) or as client
// (ClientHandshake). A TlsStream owns it until the session is established. Thread: loop.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "buffer/memory_share.h"
#include "limit/handshake_gate.h"
#include "net/byte_stream.h"
#include "tls/peer_auth/peer_verifier.h"
#include "tls/session/explain.h"
#include "tls/session/record_layer.h"

namespace culvert {

struct TlsEndpoint;

class Handshake {
 public:
  /// What a handshake takes on the heap until it is done, with its WOLFSSL object. Measured with
  /// clients that wait before their last flight: 6.5 KiB. Bytes that gather count besides.
  static constexpr size_t kMemory = 8 * 1024;

  explicit Handshake(MemoryShare& memory) : memory_(memory, MemoryUse::kHandshakes, kMemory) {}
  virtual ~Handshake() = default;

  /// Receives once and continues the handshake. Returns kOk if the session is established, kBlocked
  /// if the caller must call again when the socket is ready, and kEof if a client closed before its
  /// first byte. Any other status means that the handshake failed.
  virtual IoStatus step() = 0;
  /// Returns a text for the log that says how far the handshake has come.
  virtual std::string progress() const = 0;
  virtual HandshakeFailure failure() const = 0;
  /// Returns why culvert itself delays the handshake, or nothing if it waits for the peer.
  virtual std::optional<CloseReason> delay() const { return std::nullopt; }
  /// Returns the record layer of the session. Call once, after step() has returned kOk.
  virtual std::unique_ptr<RecordLayer> takeRecords() = 0;
  /// See TlsStream::setTurn().
  virtual void setTurn(std::unique_ptr<HandshakeTurn>) {}
  /// See TlsStream::applyTrust().
  virtual PeerVerdict applyTrust(const std::shared_ptr<const TlsEndpoint>&) { return {}; }

 protected:
  /// Counts `bytes` of a message that has arrived in part.
  void countGathered(size_t bytes) { memory_.resize(kMemory + bytes); }

 private:
  MemoryCharge memory_;
};

}  // namespace culvert
