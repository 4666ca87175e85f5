// SPDX-License-Identifier: GPL-3.0-or-later
// See client_handshake.h.
#include "tls/session/client_handshake.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <limits>
#include <new>
#include <utility>

#include "base/words.h"
#include "tls/library/wolf_error.h"
#include "tls/library/wolfssl.h"
#include "tls/protocol/alert_number.h"
#include "tls/protocol/tls_names.h"
#include "tls/session/library_records.h"
#include "tls/session/own_records.h"
#include "tls/session/ticket_keeper.h"
#include "tls/session/wolf_alert.h"

namespace culvert {
namespace {

// The most bytes that one call receives during the handshake, see ServerHandshake.
constexpr size_t kClientRead = 16 * 1024;
constexpr size_t kFirstBytesTold = 60;

/// How long a session of TLS 1.2 is kept. Servers forget sessions and tickets much earlier or later;
/// a full handshake follows then.
constexpr int64_t kSessionLife12 = 12 * 3600;

}  // namespace

ClientHandshake::ClientHandshake(TlsTransport& io, BackendPeer peer)
    : Handshake(io.worker_.pool.memory()),
      io_(io),
      peer_(std::move(peer)),
      key_(sessionKeyOf(peer_.tls, peer_.address, peer_.host, peer_.alpn)) {}

IoStatus ClientHandshake::step() {
  if (!io_.wolf_) return begin();
  if (const IoStatus sent = io_.sendOutput(); sent == IoStatus::kFailed || sent == IoStatus::kReset)
    return leftEarly(sent);
  const IoResult r = io_.receive({io_.worker_.input.get(), kClientRead});
  if (r.status == IoStatus::kBlocked) return IoStatus::kBlocked;
  if (r.status != IoStatus::kOk) return leftEarly(r.status);
  sawByte_ = true;
  std::span<const uint8_t> bytes{io_.worker_.input.get(), r.bytes};
  std::vector<uint8_t> whole = std::exchange(held_, {});
  if (!whole.empty()) {
    whole.insert(whole.end(), bytes.begin(), bytes.end());
    bytes = whole;
  }
  io_.wolf_->input = bytes;
  return drive();
}

std::string ClientHandshake::progress() const {
  if (!sawByte_)
    return "the backend has not answered the ClientHello: it may speak plain text, or expect "
           "STARTTLS";
  return "the backend has answered the ClientHello, and its handshake is not complete";
}

IoStatus ClientHandshake::begin() {
  const BackendTls& tls = *peer_.tls;
  const auto context = io_.worker_.contexts.backendContextFor(peer_.tls);
  if (!context) return end({CloseCause::kInternal, "", context.error().text});
  const PeerAuth* trust = tls.settings->peerAuth.get();
  const ExpectedPeer expected(peer_.host, tls.pins, trust != nullptr && trust->pinsOnly);
  if (tls.settings->sessionTickets) offered_ = io_.worker_.sessions.take(key_, std::time(nullptr));
  io_.context_.serverName = expected.serverName();
  auto session = (*context)->newBackendSession(
      {.expected = &expected,
       .alpn = peer_.alpn,
       .resume = offered_.get(),
       .group = io_.worker_.sessions.groupOf(key_, io_.worker_.loop.now())},
      io_.context_);
  if (!session) return end({CloseCause::kInternal, "", session.error().text});
  io_.wolf_ = std::make_unique<WolfIo>(io_);
  io_.wolf_->session = std::move(*session);
  io_.wolf_->guard = this;
  io_.context_.owner = io_.wolf_.get();
  return drive();
}

/// wolfSSL's recv callback calls this function between two records of a handshake.
int ClientHandshake::beforeRecord() noexcept {
  std::span<const uint8_t>& input = io_.wolf_->input;
  try {
    const RecordVerdict front = guard_.inspect(input);
    if (front.kind == RecordVerdict::kPass) return 0;
    if (front.kind == RecordVerdict::kMore) {
      held_.assign(input.begin(), input.end());
      input = {};
      return WOLFSSL_CBIO_ERR_WANT_READ;
    }
    verdict_ = front;
    firstBytes_.assign(input.begin(), input.begin() + static_cast<ptrdiff_t>(
                                                          std::min(input.size(), kFirstBytesTold)));
  } catch (const std::bad_alloc&) {
    io_.wolf_->outOfMemory = true;
  }
  return WOLFSSL_CBIO_ERR_GENERAL;
}

/// Runs wolfSSL_connect and sends the records that it seals.
IoStatus ClientHandshake::drive() {
  const bool first = !sawByte_;
  const int result = wolfSSL_connect(ssl());
  if (result != WOLFSSL_SUCCESS) {
    const int error = wolfSSL_get_error(ssl(), result);
    if (classifyError(error) != TlsEvent::kWantRead) return fail(error);
  }
  if (first) guard_.offered(io_.worker_.output.bytes());
  if (result == WOLFSSL_SUCCESS) {
    // A resumed session has no certificate: its server was verified when the session began.
    const bool resumed = wolfSSL_session_reused(ssl()) != 0;
    if (io_.context_.proof && !resumed && !io_.context_.proof->holds())
      return fail(VERIFY_CERT_ERROR);
    exported_ = exportSession(ssl(), keys_);
    if (exported_ == ExportResult::kPending) return fail(OUT_OF_ORDER_E);
  }
  const IoStatus sent = io_.sendOutput();
  if (sent == IoStatus::kFailed || sent == IoStatus::kReset) return leftEarly(sent);
  if (result != WOLFSSL_SUCCESS) {
    io_.wolf_->input = {};
    return IoStatus::kBlocked;
  }
  finish();
  return IoStatus::kOk;
}

void ClientHandshake::finish() {
  io_.negotiated_ = readNegotiated(ssl());
  sessionEnd_ = certificateEnd();
  if (io_.context_.proof) io_.context_.proof->handshakeDone();
  io_.carry(io_.wolf_->input);  // tickets and payload that arrived with the server's last flight
  io_.wolf_->input = {};
  io_.wolf_->guard = nullptr;
  io_.wolf_->established = true;
  io_.established_ = true;
  io_.worker_.counters.add(Counter::kBackendHandshakesOk);
  if (io_.negotiated_.resumed) io_.worker_.counters.add(Counter::kBackendHandshakesResumed);
  io_.wolf_->session.tellSecrets();
  if (io_.negotiated_.version == kTls13)
    io_.worker_.sessions.noteGroup(key_, io_.negotiated_.groupNumber(), io_.worker_.loop.now());
  else if (peer_.tls->settings->sessionTickets)
    keepLibrarySession();
}

/// Returns when the server's certificates expire, as far as they were verified. A resumed session
/// inherits the end of the session that it resumes.
int64_t ClientHandshake::certificateEnd() const {
  if (io_.negotiated_.resumed && offered_) return offered_->certificateEnd;
  const PeerProof* proof = io_.context_.proof.get();
  if (proof == nullptr || proof->identity() == nullptr || !proof->verified())
    return std::numeric_limits<int64_t>::max();
  return proof->identity()->path().notAfter;
}

/// Keeps a session of TLS 1.2, by ticket or by session id. If memory runs out, it is not kept.
void ClientHandshake::keepLibrarySession() {
  try {
    auto kept = std::make_unique<StoredSession>();
    kept->library = wolfSSL_get1_session(ssl());
    if (kept->library == nullptr || wolfSSL_SessionIsSetup(kept->library) == 0) return;
#ifdef OPENSSL_EXTRA
    // A lifetime hint of 0 leaves the lifetime to the client (RFC 5077 3.3). wolfSSL treats such a
    // session as expired. A build without the OpenSSL layer has mendLifetime instead.
    if (wolfSSL_SESSION_get_timeout(kept->library) == 0)
      (void)wolfSSL_SSL_SESSION_set_timeout(kept->library, kSessionLife12);
#endif
    kept->certificateEnd = sessionEnd_;
    kept->validUntil = std::min(sessionEnd_, std::time(nullptr) + kSessionLife12);
    io_.worker_.sessions.put(key_, std::move(kept));
  } catch (const std::bad_alloc&) {
  }
}

/// Returns what the tickets of this session have in common.
std::unique_ptr<StoredSession> ClientHandshake::sessionPattern() const {
  auto pattern = std::make_unique<StoredSession>();
  pattern->suite = io_.negotiated_.suite;
  pattern->group = io_.negotiated_.groupNumber();
  pattern->secret = keys_.resumption;
  pattern->secretSize = keys_.cipher.hashSize;
  pattern->certificateEnd = pattern->validUntil = sessionEnd_;
  return pattern;
}

std::unique_ptr<RecordLayer> ClientHandshake::takeRecords() {
  const RecordSizer sizer(peer_.tls->settings->recordSize);
  if (exported_ != ExportResult::kDone)
    return std::make_unique<LibraryRecords>(io_, std::move(io_.wolf_), sizer);
  std::unique_ptr<TicketSink> tickets;
  if (io_.negotiated_.version == kTls13 && peer_.tls->settings->sessionTickets)
    tickets = std::make_unique<TicketKeeper>(io_.worker_.sessions, key_, sessionPattern());
  auto records = std::make_unique<OwnRecords>(io_, keys_, sizer, std::move(tickets));
  io_.wolf_.reset();
  io_.context_.owner = nullptr;
  return records;
}

IoStatus ClientHandshake::fail(int wolfError) {
  io_.wolf_->input = {};
  if (io_.wolf_->outOfMemory) {
    failure_ = HandshakeFailure::kOther;
    io_.worker_.counters.add(Counter::kBackendHandshakesFailed);
    io_.failForMemory();
    return io_.sendOutput() == IoStatus::kReset ? IoStatus::kReset : IoStatus::kFailed;
  }
  return end(explainRefusal(wolfError));
}

/// Makes sure that the backend gets an alert, unless it has sent one. Returns why the handshake
/// failed.
CloseReason ClientHandshake::explainRefusal(int wolfError) {
  AlertsSeen alerts = alertsSeen(ssl(), io_.context_);
  const bool refused = verdict_.kind == RecordVerdict::kRefuse;
  if (!alerts.received && !alerts.sent) {
    const auto alert =
        refused ? std::optional<uint8_t>(verdict_.alert) : io_.wolf_->alertFor(wolfError);
    if (alert) alerts.sent = sendFatalAlert(ssl(), *alert);
  }
  if (refused) {
    std::string why(verdict_.reason);
    if (!guard_.answered() && !firstBytes_.empty() && firstBytes_.front() >= ' ')
      why += fmt::format(": \"{}\"", printable(firstBytes_, kFirstBytesTold));
    return alertSent(verdict_.alert, std::move(why));
  }
  if (!alerts.received && classifyError(wolfError) == TlsEvent::kCleanEnd)
    return {CloseCause::kTlsReceived, alertName(Alert::close_notify),
            "backend closed the connection during the handshake"};
  const PeerProof* proof = io_.context_.proof.get();
  if (proof == nullptr || !proof->refused())
    return explainHandshakeFailure(wolfError, alerts, TlsPeer::kBackend);
  failure_ = HandshakeFailure::kClientAuth;
  const uint8_t alert = alerts.sent.value_or(proof->verdict().alert);
  return {CloseCause::kBackendCertificate, "",
          fmt::format("{} (alert {})", proof->verdict().reason, alertName(alert))};
}

IoStatus ClientHandshake::end(CloseReason reason) {
  if (failure_ == HandshakeFailure::kNone) failure_ = HandshakeFailure::kOther;
  io_.worker_.counters.add(Counter::kBackendHandshakesFailed);
  io_.fail(std::move(reason));
  return io_.sendOutput() == IoStatus::kReset ? IoStatus::kReset : IoStatus::kFailed;
}

IoStatus ClientHandshake::leftEarly(IoStatus status) {
  failure_ = HandshakeFailure::kClosed;
  io_.worker_.counters.add(Counter::kBackendHandshakesFailed);
  return status == IoStatus::kEof ? IoStatus::kTruncated : status;
}

}  // namespace culvert
