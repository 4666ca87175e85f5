// SPDX-License-Identifier: GPL-3.0-or-later
// TlsContext is one WOLFSSL_CTX for one worker, service and certificate, as server or as client. Each worker makes the
// contexts that it uses, so threads share no reference counts and no locks. Thread: loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base/result.h"
#include "tls/credentials/credentials.h"
#include "tls/endpoint/backend_tls.h"
#include "tls/endpoint/tls_settings.h"
#include "tls/hello/client_hello.h"
#include "tls/session/peer_proof.h"
#include "tls/session/ticket_guard.h"

struct WOLFSSL;
struct WOLFSSL_CTX;

namespace culvert {

class TlsContext;
struct StoredSession;
struct WolfIo;

/// One WOLFSSL with a reference to its context. reset() frees the WOLFSSL first, then releases the
/// context. Thread: loop (the worker's).
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
  /// Call after the handshake. If a key log is configured, writes those secrets of the session that
  /// the key log does not contain yet.
  void tellSecrets() const;
  explicit operator bool() const { return ssl_ != nullptr; }

 private:
  friend class TlsContext;
  WOLFSSL* ssl_ = nullptr;
  struct TlsContextState* context_ = nullptr;
};

/// The argument that wolfSSL passes to the callbacks of one session.
struct TlsIoContext {
  WolfIo* owner = nullptr;                        ///< the object that the I/O callbacks use
  std::string serverName;                         ///< server name (SNI) of the client, or empty
  std::unique_ptr<const OfferedTickets> offered;  ///< nullptr if no ticket was offered
  uint8_t ticketGeneration = 0;                   ///< TicketLabel::generation() of new tickets
  bool ticketOffered = false;                     ///< the client offered a ticket, valid or invalid
  uint8_t alert = 0;                 ///< the fatal alert that ended the session, if `ended` is true
  bool ended = false;                ///< a fatal alert was sent, so nothing may follow
  bool stapled = false;              ///< culvert gave wolfSSL an OCSP response to send
  std::unique_ptr<PeerProof> proof;  ///< nullptr if the peer's certificate is not verified
};

/// The signatures of wolfSSL's I/O callbacks (CallbackIORecv, CallbackIOSend). `context` must point
/// to a TlsIoContext.
using TlsIoRecv = int (*)(WOLFSSL* ssl, char* into, int size, void* context);
using TlsIoSend = int (*)(WOLFSSL* ssl, char* from, int size, void* context);

/// What culvert's own hello to a backend says. The references outlive only the call.
struct BackendHello {
  const ExpectedPeer* expected;          ///< whose name is sent, and who must answer
  const std::vector<std::string>& alpn;  ///< in the order of preference; empty: none is offered
  const StoredSession* resume = nullptr;
  uint16_t group = 0;  ///< the group that the backend is known to choose, or 0
};

class TlsContext {
 public:
  /// Builds the context. `keys` may be nullptr (no tickets) and must outlive every session. If
  /// `staple` is true, clients that request an OCSP response get the response of `credentials`. If
  /// `verifier` is set, sessions request a client certificate. The context keeps no reference to
  /// `settings` or `credentials`.
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

  /// Builds the context for sessions in which culvert is the client. `verifier` is nullptr if any
  /// server is accepted. The context keeps no reference to `backend`.
  static Result<TlsContext> createForBackend(const BackendTls& backend, TlsIoRecv recv,
                                             TlsIoSend send,
                                             std::shared_ptr<const PeerVerifier> verifier);

  /// Makes a server session for the client that sent `hello`. wolfSSL passes `io` to the callbacks,
  /// so `io` must outlive the session. newSession() stores the server name and the data about
  /// offered tickets in `io`. The session allows only the ALPN protocol that culvert chose, and
  /// prefers ChaCha20 if the client prefers ChaCha20. Fails only if memory runs out.
  Result<TlsSession> newSession(const ClientHello& hello, TlsIoContext& io) const;

  /// Makes a client session that will send `hello`. See newSession() for `io`. Fails only if memory
  /// runs out.
  Result<TlsSession> newBackendSession(const BackendHello& hello, TlsIoContext& io) const;

  /// Returns true if the client offers a ticket of this context with which a session of `version`
  /// can resume.
  bool canResume(const ClientHello& hello, uint16_t version) const;

  /// Number of live sessions of this context. The context may be dropped before its sessions end.
  size_t sessions() const;

 private:
  explicit TlsContext(TlsContextState* state) : state_(state) {}
  TlsContextState* state_ = nullptr;
};

}  // namespace culvert
