// SPDX-License-Identifier: GPL-3.0-or-later
// TlsContext: one WOLFSSL_CTX for one (worker, service, credential), made on the worker that uses
// it, so that no reference count or lock is shared between threads. Thread: loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base/result.h"
#include "tls/credentials/credentials.h"
#include "tls/endpoint/tls_settings.h"
#include "tls/hello/client_hello.h"
#include "tls/session/peer_proof.h"
#include "tls/session/ticket_guard.h"

struct WOLFSSL;
struct WOLFSSL_CTX;

namespace culvert {

class TlsContext;
class TlsTransport;

/// One WOLFSSL and a hold on its context. Frees the session, then lets go of the context. Thread:
/// loop (the worker's).
class TlsSession {
 public:
  TlsSession() = default;
  TlsSession(TlsSession&& other) noexcept { *this = std::move(other); }
  TlsSession& operator=(TlsSession&& other) noexcept {
    std::swap(ssl_, other.ssl_);
    std::swap(context_, other.context_);
    return *this;
  }
  ~TlsSession() { reset(); }
  void reset();
  WOLFSSL* get() const { return ssl_; }
  /// After the handshake: what the key log, where there is one, has not been told yet.
  void tellSecrets() const;
  explicit operator bool() const { return ssl_ != nullptr; }

 private:
  friend class TlsContext;
  WOLFSSL* ssl_ = nullptr;
  struct TlsContextState* context_ = nullptr;
};

/// What wolfSSL's callbacks are given with a session.
struct TlsIoContext {
  TlsTransport* owner = nullptr;                  ///< whose I/O callbacks these are
  std::string serverName;                         ///< what the client asked for, or empty
  std::unique_ptr<const OfferedTickets> offered;  ///< where there are any, for the handshake
  uint8_t ticketGeneration = 0;                   ///< of the tickets that the session will seal
  bool ticketOffered = false;                     ///< of either version, whatever it is worth
  uint8_t alert = 0;                 ///< the fatal alert that ended the session, where `ended`
  bool ended = false;                ///< a fatal alert has left: nothing may follow it
  bool stapled = false;              ///< an OCSP response was given to wolfSSL to send
  std::unique_ptr<PeerProof> proof;  ///< only where client certificates are asked for
};

/// Signatures of wolfSSL's I/O callbacks (CallbackIORecv, CallbackIOSend); `context` is a
/// TlsIoContext.
using TlsIoRecv = int (*)(WOLFSSL* ssl, char* into, int size, void* context);
using TlsIoSend = int (*)(WOLFSSL* ssl, char* from, int size, void* context);

class TlsContext {
 public:
  /// Builds the context. `keys` may be nullptr (no tickets); it must outlive every session. With
  /// `staple` a client that asks gets the credentials' OCSP response. Settings and credentials are
  /// not kept. With a verifier sessions ask for a client certificate.
  static Result<TlsContext> create(const TlsSettings& settings, const Credentials& credentials,
                                   const TicketKeys* keys, TlsIoRecv recv, TlsIoSend send,
                                   bool staple = false,
                                   std::shared_ptr<const PeerVerifier> verifier = nullptr);
  TlsContext(TlsContext&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  TlsContext& operator=(TlsContext&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~TlsContext();

  /// A new server session for this client: `io` for the callbacks (outlives the session, is told
  /// of the hello), ALPN list, the client's suite order where it puts ChaCha20 first. Fails only
  /// for want of memory.
  Result<TlsSession> newSession(const ClientHello& hello, TlsIoContext& io) const;

  /// Sessions alive; a context may be dropped before them.
  size_t sessions() const;

 private:
  explicit TlsContext(TlsContextState* state) : state_(state) {}
  TlsContextState* state_ = nullptr;
};

}  // namespace culvert
