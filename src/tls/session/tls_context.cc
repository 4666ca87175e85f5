// SPDX-License-Identifier: GPL-3.0-or-later
// Builds a WOLFSSL_CTX from settings and a certificate, creates sessions, and sets up tickets.
#include "tls/session/tls_context.h"

#include <fmt/format.h>

#include <optional>

#include "tls/library/key_log.h"
#include "tls/library/tls_library.h"
#include "tls/library/wolf_error.h"
#include "tls/library/wolfssl.h"
#include "tls/protocol/group_number.h"
#include "tls/protocol/tls_names.h"
#include "tls/session/context_setup.h"
#include "tls/session/staple_serving.h"

// scripts/wolfssl-mends.sh patches wolfSSL and adds this function. An unpatched wolfSSL lacks the
// function, and then its address is null.
extern "C" void culvertLimitRecords(WOLFSSL* ssl, unsigned short limit) __attribute__((weak));

namespace culvert {

namespace {

WOLFSSL_METHOD* methodFor(const TlsSettings& settings) {
  if (settings.maxVersion == kTls12) return wolfTLSv1_2_server_method();
  if (settings.minVersion == kTls13) return wolfTLSv1_3_server_method();
  return wolfSSLv23_server_method();  // negotiates the version; setParameters() sets the minimum
}

Result<void> setTickets(TlsContextState& state, const TlsSettings& settings, const TicketKeys* keys,
                        const std::vector<uint16_t>& suites) {
  WOLFSSL_CTX* ctx = state.ctx;
  wolfSSL_CTX_set_session_cache_mode(ctx, WOLFSSL_SESS_CACHE_OFF);
#ifdef OPENSSL_EXTRA
  // If tickets are enabled, a wolfSSL build with the OpenSSL layer stores sessions. The call above
  // and the next call together disable this session cache.
  wolfSSL_CTX_set_session_cache_mode(ctx, WOLFSSL_SESS_CACHE_NO_INTERNAL);
#endif
  // A resumed session has no client certificate, so resumption would skip the checks of client
  // certificates.
  if (!settings.sessionTickets || keys == nullptr || state.verifier != nullptr) {
    wolfSSL_CTX_NoTicketTLSv12(ctx);
    wolfSSL_CTX_no_ticket_TLSv13(ctx);
    // Remove the ticket callback that wolfSSL installs by default. Without a callback, wolfSSL
    // ignores the client's ticket.
    wolfSSL_CTX_set_TicketEncCb(ctx, nullptr);
    return {};
  }
  auto guard = TicketGuard::create(*keys, settings, suites);
  if (!guard) return tl::unexpected(guard.error());
  state.tickets = *guard;
  const auto lifetime = std::chrono::duration_cast<std::chrono::seconds>(settings.ticketLifetime);
  const int seconds = static_cast<int>(lifetime.count());
  // The hint tells clients the lifetime of a ticket, and wolfSSL's timeout enforces a lifetime, so
  // both must be equal. TicketGuard checks the lifetime before wolfSSL does, so that an expired
  // ticket leads to a full handshake and a new ticket.
  if (wolfSSL_CTX_set_TicketEncCb(ctx, ticketCallback) != WOLFSSL_SUCCESS ||
      wolfSSL_CTX_set_TicketEncCtx(ctx, &*state.tickets) != WOLFSSL_SUCCESS ||
      wolfSSL_CTX_set_TicketHint(ctx, seconds) != WOLFSSL_SUCCESS ||
      wolfSSL_CTX_set_timeout(ctx, static_cast<unsigned>(seconds)) != WOLFSSL_SUCCESS)
    return fail("session tickets cannot be set up");
#if LIBWOLFSSL_VERSION_HEX >= 0x05009000
  // wolfSSL intends this function for clients. If a server refuses a TLS 1.2 ticket, wolfSSL sends
  // a new ticket. This call makes wolfSSL announce the new ticket. Releases before 5.9 send the new
  // ticket without an announcement.
  if (wolfSSL_CTX_UseSessionTicket(ctx) != WOLFSSL_SUCCESS)
    return fail("session tickets cannot be set up");
#endif
#if LIBWOLFSSL_VERSION_HEX >= 0x05006000
  wolfSSL_CTX_only_dhe_psk(ctx);  // a resumed session still has forward secrecy
#endif
  return {};
}

/// True if ChaCha20 is the client's first suite. Devices without AES instructions prefer ChaCha20.
bool prefersChacha(const ClientHello& hello) {
  for (size_t i = 0; i < hello.cipherSuites.size(); ++i) {
    if (isGrease(hello.cipherSuites[i])) continue;
    const SuiteInfo* suite = findSuite(hello.cipherSuites[i]);
    return suite != nullptr && suite->kind == SuiteKind::kChaCha20;
  }
  return false;
}

/// Returns the first protocol of `ours` that the client offers, or nullptr.
const std::string* chooseProtocol(const std::vector<std::string>& ours, const ClientHello& hello) {
  if (hello.alpnList.empty()) return nullptr;
  for (const std::string& name : ours)
    if (hello.offersProtocol(name)) return &name;
  return nullptr;
}

/// Returns the group for a TLS 1.2 client, or 0 if client and server share no group. Without this
/// choice, wolfSSL would pick the client's first curve of a certain strength and ignore the groups
/// of the context.
uint16_t chooseGroup12(const std::vector<uint16_t>& ours, const ClientHello& hello) {
  uint16_t first = 0;
  for (uint16_t group : ours) {
    if (isHybridGroup(group)) continue;
    if (hello.hasGroups ? hello.groups.contains(group) : group == Group::kP256) return group;
    if (first == 0) first = group;
  }
  // A client that sends no supported_groups accepts any group (RFC 8422 4). In practice such a
  // client supports at least P-256.
  return hello.hasGroups ? 0 : first;
}

/// Applies the client's limit on the size of records. wolfSSL cannot send a record_size_limit
/// extension in response, but culvert respects the client's limit.
bool limitRecords(WOLFSSL* ssl, const ClientHello& hello, bool tls13) {
  // In TLS 1.3 the client's limit includes the content type byte (RFC 8449 4).
  if (hello.recordLimit != 0 && culvertLimitRecords != nullptr)
    culvertLimitRecords(ssl, static_cast<uint16_t>(hello.recordLimit - (tls13 ? 1 : 0)));
#ifdef HAVE_MAX_FRAGMENT
  // wolfSSL cannot split a ServerHello over records, and a ServerHello with a post-quantum key
  // share is longer than a small limit allows.
  bool longShare = false;
  hello.forEachKeyShare([&](uint16_t, std::span<const uint8_t> key) {
    longShare = longShare || key.size() > keyShareSize(Group::kP521);
  });
  if (hello.maxFragment != 0 && !longShare)
    return wolfSSL_UseMaxFragment(ssl, hello.maxFragment) == WOLFSSL_SUCCESS;
#endif
  return true;
}

bool useGroup12(WOLFSSL* ssl, uint16_t group) {
  if (group == 0) return true;
#if LIBWOLFSSL_VERSION_HEX < 0x05009000
  // Releases before 5.9 append the client's curves to the server's curves. wolfSSL then chooses
  // among the curves of the size that is set here.
  constexpr word16 kP384 = 48, kP521 = 66;
  if (group == Group::kP384 || group == Group::kP521)
    wolfSSL_SetTmpEC_DHE_Sz(ssl, group == Group::kP384 ? kP384 : kP521);
#endif
  return wolfSSL_UseSupportedCurve(ssl, group) == WOLFSSL_SUCCESS;
}

}  // namespace

void TlsSession::tellSecrets() const {
  if (context_->keyLog) context_->keyLog->finish(ssl_);
}

void TlsSession::reset() {
  if (ssl_ == nullptr) return;
  wolfSSL_free(std::exchange(ssl_, nullptr));
  TlsContextState* state = std::exchange(context_, nullptr);
  --state->sessions;
  state->maybeFree();
}

Result<TlsContext> TlsContext::create(const TlsSettings& settings, const Credentials& credentials,
                                      const TicketKeys* keys, TlsIoRecv recv, TlsIoSend send,
                                      bool staple, std::shared_ptr<const PeerVerifier> verifier) {
  auto* state = new TlsContextState;
  TlsContext context(state);  // frees `state` on every return
  state->alpn = settings.alpn;
  state->maxVersion = settings.maxVersion;
  state->groups = groupsHere(settings.allGroups());
  state->keyLog = settings.keyLog;
  state->ctx = wolfSSL_CTX_new(methodFor(settings));
  if (state->ctx == nullptr) return fail("no TLS context: out of memory");
  state->verifier = std::move(verifier);
  if (state->verifier != nullptr)
    PeerProof::demand(state->ctx, state->verifier->auth().mode);
  else
    wolfSSL_CTX_set_verify(state->ctx, WOLFSSL_VERIFY_NONE, nullptr);
  wolfSSL_CTX_SetIORecv(state->ctx, recv);
  wolfSSL_CTX_SetIOSend(state->ctx, send);
  Result<void> done = loadCredentials(state->ctx, credentials);
  const KeyType keyType = credentials.leaf().keyType;
  const std::vector<uint16_t> suites = suitesFor(settings, keyType);
  if (done) done = setParameters(state->ctx, settings, keyType, suites);
  if (done) done = setTickets(*state, settings, keys, suites);
  if (done && staple) {
    state->staple = credentials.stapleSlot();
    done = serveStaples(state->ctx, *state->staple);
  }
  if (!done) return tl::unexpected(done.error());
#ifdef OPENSSL_EXTRA
  // With SSL_MODE_AUTO_RETRY, wolfSSL would call the recv callback ten times before it reports
  // want-read.
  wolfSSL_CTX_clear_mode(state->ctx, SSL_MODE_AUTO_RETRY);
#endif
#ifdef HAVE_SNI
  // Accept every server name, because culvert has used the name to choose the certificate. This
  // setting also makes wolfSSL 5.9 bind tickets to the name.
  static constexpr char kAny[] = "any";
  if (wolfSSL_CTX_UseSNI(state->ctx, WOLFSSL_SNI_HOST_NAME, kAny, sizeof(kAny) - 1) !=
      WOLFSSL_SUCCESS)
    return fail("no TLS context: out of memory");
  wolfSSL_CTX_SNI_SetOptions(state->ctx, WOLFSSL_SNI_HOST_NAME,
                             WOLFSSL_SNI_CONTINUE_ON_MISMATCH | WOLFSSL_SNI_ANSWER_ON_MISMATCH);
#endif
  return context;
}

TlsContext::~TlsContext() {
  if (state_ == nullptr) return;
  state_->dropped = true;
  state_->verifier.reset();  // established sessions need no CAs and CRLs
  state_->maybeFree();
}

Result<TlsSession> TlsContext::newSession(const ClientHello& hello, TlsIoContext& io) const {
  TlsSession session;
  session.ssl_ = wolfSSL_new(state_->ctx);
  if (session.ssl_ == nullptr) return fail("no TLS session: out of memory");
  session.context_ = state_;
  ++state_->sessions;
  io.serverName = hello.serverName;
  io.ticketOffered = hello.hasPreSharedKey || hello.ticket12Length != 0;
  if (io.ticketOffered) io.offered = std::make_unique<OfferedTickets>(hello);
  wolfSSL_SetIOReadCtx(session.ssl_, &io);
  wolfSSL_SetIOWriteCtx(session.ssl_, &io);
  if (state_->verifier) io.proof = std::make_unique<PeerProof>(session.ssl_, state_->verifier);
  if (prefersChacha(hello)) wolfSSL_UseClientSuites(session.ssl_);
#ifdef WOLFSSL_SEND_HRR_COOKIE
  // Request a second hello from a client that offers early data. Only before a second hello can
  // culvert distinguish early data from other records (RFC 8446 4.2.10). TLS 1.2 has no early data.
  if (hello.hasEarlyData) {
    const int set = wolfSSL_send_hrr_cookie(session.ssl_, nullptr, 0);
    if (set != WOLFSSL_SUCCESS && set != BAD_FUNC_ARG) return fail("no TLS session: out of memory");
  }
#endif
  if (state_->keyLog) state_->keyLog->attach(session.ssl_);
  const bool tls13 = state_->maxVersion >= kTls13 && hello.offersVersion(kTls13);
  if (!limitRecords(session.ssl_, hello, tls13) ||
      (!tls13 && !useGroup12(session.ssl_, chooseGroup12(state_->groups, hello))))
    return fail("no TLS session: out of memory");
  if (const std::string* name = chooseProtocol(state_->alpn, hello)) {
    // culvert has chosen one protocol by the server's order, and wolfSSL only confirms the choice.
    // If the client sends a second hello without that protocol, the handshake fails.
    int result =
        wolfSSL_UseALPN(session.ssl_, const_cast<char*>(name->c_str()),
                        static_cast<unsigned>(name->size()), WOLFSSL_ALPN_FAILED_ON_MISMATCH);
    if (result != WOLFSSL_SUCCESS) return fail("ALPN: " + tlsErrorText(result));
  }
  return session;
}

bool TlsContext::canResume(const ClientHello& hello, uint16_t version) const {
  return state_->tickets && state_->tickets->canResume(hello, version);
}

size_t TlsContext::sessions() const { return state_->sessions; }

}  // namespace culvert
