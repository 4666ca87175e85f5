// SPDX-License-Identifier: GPL-3.0-or-later
// The WOLFSSL_CTX and the sessions towards backends, where culvert is the TLS client. See
// tls_context.h.
#include <fmt/format.h>

#include <algorithm>

#include "tls/library/culvert_session.h"
#include "tls/library/wolf_error.h"
#include "tls/library/wolfssl.h"
#include "tls/protocol/tls_names.h"
#include "tls/session/context_setup.h"
#include "tls/session/session_pool.h"

// Older releases and shared libraries lack the function. Then sessions of TLS 1.3 are not resumed.
extern "C" int culvertOfferTicket(WOLFSSL* ssl, const CulvertTicket* ticket) __attribute__((weak));

namespace culvert {
namespace {

WOLFSSL_METHOD* clientMethodFor(const TlsSettings& settings) {
  if (settings.maxVersion == kTls12) return wolfTLSv1_2_client_method();
  if (settings.minVersion == kTls13) return wolfTLSv1_3_client_method();
  return wolfSSLv23_client_method();
}

/// Chooses the key shares of the hello: the group that the backend chose last, else the first group
/// and, if that is a hybrid, the first other one too. A server that does not know the hybrid then
/// needs no second round trip.
bool useShares(WOLFSSL* ssl, const std::vector<uint16_t>& groups, uint16_t known) {
  if (std::find(groups.begin(), groups.end(), known) != groups.end())
    return wolfSSL_UseKeyShare(ssl, known) == WOLFSSL_SUCCESS;
  if (wolfSSL_UseKeyShare(ssl, groups.front()) != WOLFSSL_SUCCESS) return false;
  if (!isHybridGroup(groups.front())) return true;
  const auto plain =
      std::find_if(groups.begin(), groups.end(), [](uint16_t one) { return !isHybridGroup(one); });
  return plain == groups.end() || wolfSSL_UseKeyShare(ssl, *plain) == WOLFSSL_SUCCESS;
}

/// Makes the session offer a stored one. If that is impossible, the handshake is a full one.
void offer(WOLFSSL* ssl, const StoredSession& session) {
  if (session.library != nullptr) {
    (void)wolfSSL_set_session(ssl, session.library);
    return;
  }
  if (culvertOfferTicket == nullptr) return;
  const CulvertTicket ticket{.suite = session.suite,
                             .group = session.group,
                             .lifetime = session.lifetime,
                             .ageAdd = session.ageAdd,
                             .receivedMillis = session.receivedMillis,
                             .secret = session.secret.data(),
                             .nonce = session.nonce.data(),
                             .ticket = session.ticket.data(),
                             .ticketSize = static_cast<uint16_t>(session.ticket.size()),
                             .secretSize = session.secretSize,
                             .nonceSize = static_cast<uint8_t>(session.nonce.size())};
  (void)culvertOfferTicket(ssl, &ticket);
}

}  // namespace

Result<TlsContext> TlsContext::createForBackend(const BackendTls& backend, TlsIoRecv recv,
                                                TlsIoSend send,
                                                std::shared_ptr<const PeerVerifier> verifier) {
  const TlsSettings& settings = *backend.settings;
  auto* state = new TlsContextState;
  TlsContext context(state);  // frees `state` on every return
  state->maxVersion = settings.maxVersion;
  state->groups = groupsHere(settings.allGroups());
  state->keyLog = settings.keyLog;
  state->ctx = wolfSSL_CTX_new(clientMethodFor(settings));
  if (state->ctx == nullptr) return fail("no TLS context: out of memory");
  state->verifier = std::move(verifier);
  if (state->verifier != nullptr)
    PeerProof::demand(state->ctx, VerifyClient::kRequired);
  else
    wolfSSL_CTX_set_verify(state->ctx, WOLFSSL_VERIFY_NONE, nullptr);
  wolfSSL_CTX_SetIORecv(state->ctx, recv);
  wolfSSL_CTX_SetIOSend(state->ctx, send);
  Result<void> done;
  if (backend.credentials) done = loadCredentials(state->ctx, *backend.credentials);
  if (done)
    done = setParameters(state->ctx, settings, std::nullopt, suitesFor(settings, std::nullopt));
  if (!done) return tl::unexpected(done.error());
  wolfSSL_CTX_set_session_cache_mode(state->ctx, WOLFSSL_SESS_CACHE_OFF);
#ifdef OPENSSL_EXTRA
  wolfSSL_CTX_set_session_cache_mode(state->ctx, WOLFSSL_SESS_CACHE_NO_INTERNAL);
  wolfSSL_CTX_clear_mode(state->ctx, SSL_MODE_AUTO_RETRY);
#endif
  if (settings.sessionTickets && wolfSSL_CTX_UseSessionTicket(state->ctx) != WOLFSSL_SUCCESS)
    return fail("no TLS context: out of memory");
#if LIBWOLFSSL_VERSION_HEX >= 0x05006000
  wolfSSL_CTX_only_dhe_psk(state->ctx);
#endif
  return context;
}

Result<TlsSession> TlsContext::newBackendSession(const BackendHello& hello,
                                                 TlsIoContext& io) const {
  TlsSession session;
  session.ssl_ = wolfSSL_new(state_->ctx);
  if (session.ssl_ == nullptr) return fail("no TLS session: out of memory");
  session.context_ = state_;
  ++state_->sessions;
  WOLFSSL* ssl = session.ssl_;
  wolfSSL_SetIOReadCtx(ssl, &io);
  wolfSSL_SetIOWriteCtx(ssl, &io);
  const std::string name(hello.expected->serverName());
  if (!name.empty() && wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, name.data(),
                                      static_cast<unsigned short>(name.size())) != WOLFSSL_SUCCESS)
    return fail("no TLS session: out of memory");
  std::string protocols;
  for (const std::string& protocol : hello.alpn)
    protocols += (protocols.empty() ? "" : ",") + protocol;
  if (!protocols.empty()) {
    const int result =
        wolfSSL_UseALPN(ssl, protocols.data(), static_cast<unsigned>(protocols.size()),
                        WOLFSSL_ALPN_FAILED_ON_MISMATCH);
    if (result != WOLFSSL_SUCCESS) return fail("ALPN: " + tlsErrorText(result));
  }
  if (state_->verifier)
    io.proof = std::make_unique<PeerProof>(ssl, state_->verifier,
                                           std::make_unique<ExpectedPeer>(*hello.expected));
  if (state_->keyLog) state_->keyLog->attach(ssl);
  if (hello.resume != nullptr) offer(ssl, *hello.resume);
  // With a session of TLS 1.2 the hello offers no newer version.
  const bool only12 = hello.resume != nullptr && hello.resume->library != nullptr;
  if (state_->maxVersion >= kTls13 && !only12 && !useShares(ssl, state_->groups, hello.group))
    return fail("no key share: out of memory");
  return session;
}

}  // namespace culvert
