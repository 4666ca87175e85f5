// SPDX-License-Identifier: GPL-3.0-or-later
// See server_handshake.h.
#include "tls/session/server_handshake.h"

#include <fmt/format.h>

#include <ctime>
#include <new>
#include <utility>

#include "base/big_endian.h"
#include "tls/endpoint/hello_check.h"
#include "tls/library/wolf_error.h"
#include "tls/library/wolfssl.h"
#include "tls/protocol/alert_number.h"
#include "tls/protocol/tls_names.h"
#include "tls/protocol/wire.h"
#include "tls/session/library_records.h"
#include "tls/session/own_records.h"
#include "tls/session/wolf_alert.h"

namespace culvert {
namespace {

// The most bytes that one call receives during the handshake. The limit makes payload that arrives
// with the last handshake bytes fit into any ring buffer.
constexpr size_t kHandshakeRead = 16 * 1024;

// The most bytes that culvert keeps for a client that waits for its turn: the longest hello, and as
// much early data as another server may have allowed.
constexpr size_t kMostWhileWaiting = kMaxHelloMessage + 2 * kHandshakeRead;

// In wolfSSL 5.9.2, SESSION_TICKET_LEN (internal.h) is 238. culvert never issues a longer ticket.
constexpr size_t kLongestTicket12 = 238;

/// True if the client sent no certificate, sent too long a chain, or did not prove that it holds
/// the key of its certificate.
bool isClientAuthError(int wolfError) {
  return wolfError == NO_PEER_CERT || wolfError == NO_PEER_VERIFY || wolfError == MAX_CHAIN_ERROR ||
         wolfError == SIG_VERIFY_E || wolfError == VERIFY_SIGN_ERROR;
}

}  // namespace

ServerHandshake::ServerHandshake(TlsTransport& io, std::shared_ptr<const TlsEndpoint> endpoint,
                                 std::vector<uint8_t> early)
    : Handshake(io.worker_.pool.memory()),
      io_(io),
      endpoint_(std::move(endpoint)),
      early_(std::move(early)) {}

IoStatus ServerHandshake::step() {
  if (!io_.wolf_) return waitsForTurn_ ? awaitTurn() : gatherHello();
  const IoResult r = io_.receive({io_.worker_.input.get(), kHandshakeRead});
  if (r.status == IoStatus::kBlocked)
    return io_.sendOutput() == IoStatus::kReset ? IoStatus::kReset : IoStatus::kBlocked;
  if (r.status != IoStatus::kOk) return leftEarly(r.status);
  return takeFlight({io_.worker_.input.get(), r.bytes});
}

std::string ServerHandshake::progress() const {
  if (!sawByte_)
    return "the client sent nothing: it may be waiting for a greeting, as STARTTLS clients do";
  if (io_.wolf_)
    return "the ClientHello was answered, and the client sent no further handshake message";
  const size_t bytes = bytes_.size();
  return fmt::format("the client sent {} byte{} of a ClientHello and no more", bytes,
                     bytes == 1 ? "" : "s");
}

IoStatus ServerHandshake::gatherHello() {
  if (!early_.empty()) {
    const std::vector<uint8_t> early = std::exchange(early_, {});
    return gatherBytes(early);
  }
  const IoResult r = io_.receive({io_.worker_.input.get(), kHandshakeRead});
  if (r.status == IoStatus::kBlocked) return IoStatus::kBlocked;
  if (r.status != IoStatus::kOk) return leftEarly(r.status);
  return gatherBytes({io_.worker_.input.get(), r.bytes});
}

IoStatus ServerHandshake::gatherBytes(std::span<const uint8_t> bytes) {
  sawByte_ = true;
  if (!bytes_.empty()) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    bytes = bytes_;
  }
  ClientHello hello;
  const HelloResult result = gatherer_.feed(bytes, hello);
  switch (result.status) {
    case HelloStatus::kNeedMore:
      if (bytes_.empty()) bytes_.assign(bytes.begin(), bytes.end());
      countGathered(2 * bytes_.capacity());  // the gatherer keeps a copy of a split hello
      return IoStatus::kBlocked;
    case HelloStatus::kNotTls:
    case HelloStatus::kMalformed:
      return refuse(explainHello(result), result.alert, HandshakeFailure::kBadHello);
    case HelloStatus::kComplete:
      break;
  }
  const IoStatus status =
      beginSession(hello, gatherer_.preface(bytes), bytes.subspan(gatherer_.consumed()));
  // Free the hello, which may be 64 KiB long, before waiting for the client's next flight.
  if (status != IoStatus::kOk && !waitsForTurn_) {
    bytes_ = {};
    gatherer_.forget();
    countGathered(0);
  }
  return status;
}

IoStatus ServerHandshake::beginSession(const ClientHello& hello, std::span<const uint8_t> preface,
                                       std::span<const uint8_t> rest) {
  io_.context_.serverName = hello.serverName;
  const HelloVerdict verdict = judgeHello(hello, *endpoint_->settings, *endpoint_->credentials);
  if (!verdict) return refuse(explainVerdict(verdict), verdict.alert, HandshakeFailure::kNoCommon);
  // If a TLS 1.2 ticket is longer than wolfSSL's own tickets, wolfSSL refuses the hello, although
  // RFC 5077 3.4 requires a full handshake. A context without tickets ignores the ticket. In TLS
  // 1.3 a client that does not offer psk_dhe_ke cannot use a ticket (RFC 8446 4.2.9).
  const bool tickets = hello.ticket12Length <= kLongestTicket12 &&
                       (verdict.version != kTls13 || hello.pskWithKeyExchange);
  // Use a context with stapling only if a response is available, because in TLS 1.2 the ServerHello
  // already promises the response. Stapling takes 2 KiB more memory in each session.
  const bool staple =
      hello.statusRequest && endpoint_->settings->staple &&
      (*endpoint_->credentials)[verdict.credential].staple().serving(std::time(nullptr)) != nullptr;
  const auto context =
      io_.worker_.contexts.contextFor(*endpoint_, verdict.credential, tickets, staple);
  if (!context)
    return refuse({CloseCause::kInternal, "", context.error().text}, Alert::internal_error,
                  HandshakeFailure::kOther);
  if (turn_) {
    const auto state = askForTurn(**context, hello, verdict.version);
    if (state == HandshakeTurn::State::kWaits) return keepForTurn(preface, rest);
    if (state == HandshakeTurn::State::kRefused)
      return refuse(
          {CloseCause::kLimit, std::string(kHandshakeRateWord), "too many handshakes wait"},
          Alert::internal_error, HandshakeFailure::kOther);
  }
  auto session = (*context)->newSession(hello, io_.context_);
  if (!session)
    return refuse({CloseCause::kInternal, "", session.error().text}, Alert::internal_error,
                  HandshakeFailure::kOther);
  io_.wolf_ = std::make_unique<WolfIo>(io_);
  io_.wolf_->session = std::move(*session);
  io_.wolf_->guard = this;
  io_.context_.owner = io_.wolf_.get();
  tls13_ = verdict.version == kTls13;
  io_.wolf_->input = preface;
  // Handle the bytes after the hello in a second step, once wolfSSL has answered the hello.
  const IoStatus status = drive(&hello);
  return status == IoStatus::kBlocked && !rest.empty() ? takeFlight(rest) : status;
}

/// Returns whether the handshake may go on. A session that resumes needs no turn.
HandshakeTurn::State ServerHandshake::askForTurn(const TlsContext& context,
                                                 const ClientHello& hello, uint16_t version) {
  if (turn_->state() != HandshakeTurn::State::kNew) return turn_->state();
  if (context.canResume(hello, version)) {
    turn_->exempt();
    return turn_->state();
  }
  const auto state = turn_->ask(this, [](void* self) {
    auto* handshake = static_cast<ServerHandshake*>(self);
    handshake->io_.observer_->onReadable();  // calls step()
  });
  if (state == HandshakeTurn::State::kWaits) io_.worker_.counters.add(Counter::kHandshakesDelayed);
  return state;
}

/// Keeps all that the client has sent, until the turn comes.
IoStatus ServerHandshake::keepForTurn(std::span<const uint8_t> preface,
                                      std::span<const uint8_t> rest) {
  std::vector<uint8_t> all(preface.begin(), preface.end());
  all.insert(all.end(), rest.begin(), rest.end());
  bytes_ = std::move(all);
  gatherer_ = {};
  waitsForTurn_ = true;
  return IoStatus::kBlocked;
}

/// If the turn has come, begins with the hello again: the settings may have changed. Otherwise
/// receives, only to notice that the client has left.
IoStatus ServerHandshake::awaitTurn() {
  if (turn_->state() != HandshakeTurn::State::kWaits) {
    waitsForTurn_ = false;
    const std::vector<uint8_t> all = std::exchange(bytes_, {});
    return gatherBytes(all);
  }
  const IoResult r = io_.receive({io_.worker_.input.get(), kHandshakeRead});
  if (r.status == IoStatus::kBlocked) return IoStatus::kBlocked;
  if (r.status != IoStatus::kOk) {
    endTurn();
    return leftEarly(r.status);
  }
  if (bytes_.size() + r.bytes > kMostWhileWaiting) {
    endTurn();
    return refuse({CloseCause::kLimit, std::string(kHandshakeRateWord), "the client did not wait"},
                  Alert::internal_error, HandshakeFailure::kOther);
  }
  bytes_.insert(bytes_.end(), io_.worker_.input.get(), io_.worker_.input.get() + r.bytes);
  return IoStatus::kBlocked;
}

void ServerHandshake::endTurn() {
  turn_.reset();
  waitsForTurn_ = false;
  bytes_ = {};
}

/// Call when culvert has answered the hello. If the library did not use the ticket, the handshake
/// has become a full one.
void ServerHandshake::settleTurn() {
  if (turn_->state() == HandshakeTurn::State::kExempt && wolfSSL_session_reused(ssl()) == 0)
    turn_->charge(io_.now());
  turn_.reset();
}

std::optional<CloseReason> ServerHandshake::delay() const {
  if (!waitsForTurn_) return std::nullopt;
  return CloseReason{CloseCause::kLimit, std::string(kHandshakeRateWord),
                     "its turn did not come within handshake-timeout"};
}

/// Handles the bytes that the client sends after its first hello.
IoStatus ServerHandshake::takeFlight(std::span<const uint8_t> bytes) {
  std::vector<uint8_t> whole = std::exchange(held_, {});
  if (!whole.empty()) {
    whole.insert(whole.end(), bytes.begin(), bytes.end());
    bytes = whole;
  }
  if (guard_.awaitsSecond()) return gatherSecond(bytes);
  std::vector<uint8_t> joined;
  if (!tls13_) {
    const RecordVerdict verdict = flight_.feed(bytes, joined, certificateAsked_);
    if (verdict.kind == RecordVerdict::kRefuse) {
      verdict_ = verdict;
      return fail(FATAL_ERROR);
    }
    bytes = joined;
  }
  io_.wolf_->input = bytes;
  return drive();
}

/// Handles the client's second hello, which follows a HelloRetryRequest. At this point, records are
/// not encrypted yet.
IoStatus ServerHandshake::gatherSecond(std::span<const uint8_t> bytes) {
  RecordVerdict front;
  while ((front = guard_.inspect(bytes)).kind == RecordVerdict::kDrop)
    bytes = bytes.subspan(front.size);
  if (front.kind == RecordVerdict::kRefuse)
    return refuse(alertSent(front.alert, std::string(front.reason)), front.alert,
                  HandshakeFailure::kBadHello);
  if (front.kind == RecordVerdict::kReceived) {
    verdict_ = front;
    return fail(FATAL_ERROR);
  }
  ClientHello hello;
  const HelloResult result =
      front.kind == RecordVerdict::kPass ? second_.feed(bytes, hello) : HelloResult{};
  if (result.status == HelloStatus::kNeedMore) {
    held_.assign(bytes.begin(), bytes.end());
    countGathered(2 * held_.capacity());
    return IoStatus::kBlocked;
  }
  if (result.status != HelloStatus::kComplete)
    return refuse(explainHello(result), result.alert, HandshakeFailure::kBadHello);
  const SecondHelloVerdict verdict = guard_.judgeSecond(hello);
  if (!verdict.reason.empty())
    return refuse(alertSent(verdict.alert, std::string(verdict.reason)), verdict.alert,
                  HandshakeFailure::kBadHello);
  // Set the version field of each record, because wolfSSL checks the field although RFC 8446 5.1
  // says to ignore it.
  const auto preface = second_.preface(bytes);
  std::vector<uint8_t> second(preface.begin(), preface.end());
  for (size_t at = 0; at < second.size();) {
    second[at + 2] = 3;
    at += kRecordHeader + u16At(second, at + 3);
  }
  second_.forget();
  io_.wolf_->input = second;
  const auto rest = bytes.subspan(second_.consumed());
  const IoStatus status = drive();
  return status == IoStatus::kBlocked && !rest.empty() ? takeFlight(rest) : status;
}

/// wolfSSL's recv callback calls this function between two records of a handshake. Drops records
/// that wolfSSL must not see. Returns 0 to continue, or the error for the callback to return.
int ServerHandshake::beforeRecord() noexcept {
  if (!tls13_) return 0;
  for (;;) {
    if (io_.wolf_->input.empty()) return WOLFSSL_CBIO_ERR_WANT_READ;
    const RecordVerdict front = guard_.inspect(io_.wolf_->input);
    switch (front.kind) {
      case RecordVerdict::kPass:
        return 0;
      case RecordVerdict::kDrop:
        io_.wolf_->input = io_.wolf_->input.subspan(front.size);
        break;
      case RecordVerdict::kMore:
        try {
          held_.assign(io_.wolf_->input.begin(), io_.wolf_->input.end());
        } catch (const std::bad_alloc&) {
          io_.wolf_->outOfMemory = true;
          return WOLFSSL_CBIO_ERR_GENERAL;
        }
        io_.wolf_->input = {};
        return WOLFSSL_CBIO_ERR_WANT_READ;
      default:
        verdict_ = front;
        return WOLFSSL_CBIO_ERR_GENERAL;
    }
  }
}

/// Runs wolfSSL_accept and sends the records that wolfSSL_accept seals. `first` is the first
/// ClientHello if wolfSSL answers that hello in this call, else nullptr.
IoStatus ServerHandshake::drive(const ClientHello* first) {
  const int result = wolfSSL_accept(ssl());
  if (result != WOLFSSL_SUCCESS) {
    const int error = wolfSSL_get_error(ssl(), result);
    if (classifyError(error) != TlsEvent::kWantRead) return fail(error);
  }
  if (result == WOLFSSL_SUCCESS && io_.context_.proof && !io_.context_.proof->holds())
    return fail(VERIFY_CERT_ERROR);
  if (result == WOLFSSL_SUCCESS) {
    exported_ = exportSession(ssl(), keys_);
    if (exported_ == ExportResult::kPending) return fail(OUT_OF_ORDER_E);
  }
  if (!answered_) {
    const StagedFlight staged = lookAtFlight(io_.worker_.output.bytes());
    answered_ = staged.serverHello;
    certificateAsked_ = staged.asksCertificate;
    if (first != nullptr && !staged.retry.empty()) guard_.awaitSecond(*first, staged.retry);
  }
  if (turn_ && answered_) settleTurn();
  if (result == WOLFSSL_SUCCESS) io_.holdTicket();
  const IoStatus sent = io_.sendOutput();
  if (sent == IoStatus::kFailed || sent == IoStatus::kReset) return leftEarly(sent);
  if (result != WOLFSSL_SUCCESS) {
    io_.wolf_->input = {};
    return IoStatus::kBlocked;
  }
  finish();
  return IoStatus::kOk;
}

void ServerHandshake::finish() {
  if (io_.context_.proof) io_.context_.proof->handshakeDone();
  io_.carry(io_.wolf_->input);  // payload that arrived with the client's last flight
  io_.wolf_->input = {};
  io_.wolf_->guard = nullptr;
  io_.wolf_->established = true;
  io_.established_ = true;
  io_.negotiated_ = readNegotiated(ssl());
  io_.context_.offered.reset();
#ifdef WOLFSSL_SEND_HRR_COOKIE
  wolfSSL_disable_hrr_cookie(ssl());  // frees the cookie's secret, if any
#endif
  if (endpoint_->asked) {
    const auto name = endpoint_->credentials->nameCovering(io_.context_.serverName);
    if (!name.empty()) endpoint_->asked->note(name, std::time(nullptr));
  }
  io_.worker_.counters.add(Counter::kHandshakesOk);
  if (io_.negotiated_.resumed)
    io_.worker_.counters.add(Counter::kHandshakesResumed);
  else if (io_.context_.ticketOffered)
    io_.worker_.counters.add(Counter::kTicketsRefused);
  if (io_.context_.stapled) io_.worker_.counters.add(Counter::kOcspResponsesServed);
  io_.wolf_->session.tellSecrets();
}

std::unique_ptr<RecordLayer> ServerHandshake::takeRecords() {
  const RecordSizer sizer(endpoint_->settings->recordSize);
  if (exported_ != ExportResult::kDone)
    return std::make_unique<LibraryRecords>(io_, std::move(io_.wolf_), sizer);
  auto records = std::make_unique<OwnRecords>(io_, keys_, sizer);
  io_.wolf_.reset();
  io_.context_.owner = nullptr;
  return records;
}

PeerVerdict ServerHandshake::applyTrust(const std::shared_ptr<const TlsEndpoint>& newest) {
  if (!io_.wolf_) {
    endpoint_ = newest;  // gatherHello() will judge the hello by `newest`
    return {};
  }
  const auto& auth = newest->settings->peerAuth;
  if (auth == nullptr) return {};
  auto& proof = io_.context_.proof;
  if (!proof)
    return {Alert::handshake_failure,
            "client was not asked for a certificate, but the new settings require one"};
  const auto verifier = std::make_shared<const PeerVerifier>(auth);
  proof->judgeBy(verifier);
  if (!proof->verified()) return {};  // judgeBy() applies when the certificate arrives
  PeerVerdict verdict = proof->judgeAgain(*verifier, std::time(nullptr));
  if (!verdict) failure_ = HandshakeFailure::kClientAuth;
  return verdict;
}

IoStatus ServerHandshake::fail(int wolfError) {
  io_.wolf_->input = {};
  if (io_.wolf_->outOfMemory) {
    failure_ = HandshakeFailure::kOther;
    io_.failForMemory();
    return io_.sendOutput() == IoStatus::kReset ? IoStatus::kReset : IoStatus::kFailed;
  }
  if (verdict_.kind == RecordVerdict::kReceived && verdict_.alert == Alert::close_notify)
    return leftEarly(IoStatus::kEof);
  const AlertsSeen alerts = endWithAlert(wolfError);
  const PeerProof* proof = io_.context_.proof.get();
  const bool refused = proof != nullptr && proof->refused();
  CloseReason why =
      refused ? alertSent(alerts.sent.value_or(proof->verdict().alert), proof->verdict().reason)
              : explainHandshakeFailure(wolfError, alerts);
  if (verdict_.kind == RecordVerdict::kRefuse) why.detail = std::string(verdict_.reason);
  io_.fail(std::move(why));
  failure_ = alerts.received ? HandshakeFailure::kAlert : HandshakeFailure::kOther;
  if (alerts.sent == Alert::handshake_failure || alerts.sent == Alert::no_application_protocol) {
    failure_ = HandshakeFailure::kNoCommon;
  }
  if (refused || isClientAuthError(wolfError)) failure_ = HandshakeFailure::kClientAuth;
  return io_.sendOutput() == IoStatus::kReset ? IoStatus::kReset : IoStatus::kFailed;
}

/// Makes sure that the client gets an alert, unless the client has sent an alert. wolfSSL stages
/// its ServerHello before it checks the client's key share. As long as no ServerHello was sent,
/// culvert discards the staged bytes and sends a plaintext alert. For the plaintext alert, culvert
/// prefers the alert in its own error table to the alert that wolfSSL chose.
AlertsSeen ServerHandshake::endWithAlert(int wolfError) {
  if (verdict_.kind == RecordVerdict::kReceived) return {.sent = {}, .received = verdict_.alert};
  AlertsSeen alerts = alertsSeen(ssl(), io_.context_);
  if (alerts.received) return alerts;
  std::optional<uint8_t> alert =
      verdict_.kind == RecordVerdict::kRefuse ? verdict_.alert : io_.wolf_->alertFor(wolfError);
  if (alerts.sent && (!alert || alert == Alert::internal_error)) alert = alerts.sent;
  if (!alert) return alerts;
  if (answered_) {
    if (!alerts.sent) alerts.sent = sendFatalAlert(ssl(), *alert);
  } else {
    const auto record = fatalAlertRecord(*alert);
    io_.worker_.output.clear();
    io_.worker_.output.append(record);
    alerts.sent = alert;
  }
  return alerts;
}

/// Refuses the client with a plaintext alert, because records are not encrypted yet (RFC 8446 5.1).
IoStatus ServerHandshake::refuse(CloseReason failure, uint8_t alert, HandshakeFailure kind) {
  const auto record = fatalAlertRecord(alert);
  io_.worker_.output.append(record);
  io_.fail(std::move(failure));
  failure_ = kind;
  return io_.sendOutput() == IoStatus::kReset ? IoStatus::kReset : IoStatus::kFailed;
}

IoStatus ServerHandshake::leftEarly(IoStatus status) {
  if (!sawByte_) return IoStatus::kEof;
  failure_ = HandshakeFailure::kClosed;
  if (status == IoStatus::kEof) return IoStatus::kTruncated;
  return status;
}

}  // namespace culvert
