// SPDX-License-Identifier: GPL-3.0-or-later
// The handshake half of TlsStream: the ClientHello is gathered and judged before a WOLFSSL exists,
// so that a port scanner costs a few bytes; then wolfSSL_accept is driven from memory. See
// tls_stream.h.
#include <fmt/format.h>

#include <ctime>
#include <utility>

#include "tls/endpoint/hello_check.h"
#include "tls/hello/hello_guard.h"
#include "tls/hello/plain_flight.h"
#include "tls/library/wolf_error.h"
#include "tls/library/wolfssl.h"
#include "tls/protocol/alert_number.h"
#include "tls/protocol/tls_names.h"
#include "tls/protocol/wire.h"
#include "tls/session/tls_stream.h"

namespace culvert {
namespace {

// At most this is received at once within the handshake: payload that comes along fits into any
// FIFO.
constexpr size_t kHandshakeRead = 16 * 1024;

// SESSION_TICKET_LEN of wolfSSL 5.9.2 (internal.h) is 238; no ticket of ours is longer.
constexpr size_t kLongestTicket12 = 238;

// Room for a sealed write and the answers that one read may provoke; only touched pages cost
// memory.
constexpr size_t kBacklogSize = 192 * 1024;

/// The client did not say who it is, or did not prove it.
bool isClientAuthError(int wolfError) {
  return wolfError == NO_PEER_CERT || wolfError == NO_PEER_VERIFY || wolfError == MAX_CHAIN_ERROR ||
         wolfError == SIG_VERIFY_E || wolfError == VERIFY_SIGN_ERROR;
}

}  // namespace

/// What lives only until the handshake is done.
struct TlsStream::Hello {
  HelloGatherer gatherer;
  HelloGatherer second;        // after a HelloRetryRequest
  HelloGuard guard;            // TLS 1.3
  PlainFlight flight;          // TLS 1.2
  RecordVerdict verdict;       // of the guard, where it ended the handshake
  std::vector<uint8_t> bytes;  // only for a hello that comes in pieces
  std::vector<uint8_t> held;   // behind it, until there is enough to judge by
  bool tls13 = false;
  bool certificateAsked = false;
  bool answered = false;  // a ServerHello has left; from there on records are protected
};

TlsStream::TlsStream(TlsWorker& worker, UniqueFd fd, std::shared_ptr<const TlsEndpoint> endpoint)
    : SocketStream(worker.loop, std::move(fd)),
      worker_(worker),
      endpoint_(std::move(endpoint)),
      backlog_(worker.pool, kBacklogSize),
      records_(endpoint_->settings->recordSize) {}

TlsStream::~TlsStream() = default;

IoStatus TlsStream::handshake() {
  const OutputGuard guard{*this};
  if (failed_) return IoStatus::kFailed;
  if (!session_) return gatherHello();
  const IoResult r = receive({worker_.input.get(), kHandshakeRead});
  if (r.status == IoStatus::kBlocked)
    return sendOutput() == IoStatus::kReset ? IoStatus::kReset : IoStatus::kBlocked;
  if (r.status != IoStatus::kOk) return leftEarly(r.status);
  return takeFlight({worker_.input.get(), r.bytes});
}

std::string TlsStream::handshakeProgress() const {
  if (established_) return {};
  if (!sawByte_)
    return "the client sent nothing: it may be waiting for a greeting, as STARTTLS clients do";
  if (session_) return "the ClientHello was answered, and the client did not go on";
  const size_t bytes = hello_ ? hello_->bytes.size() : 0;
  return fmt::format("the client sent {} byte{} of a ClientHello and no more", bytes,
                     bytes == 1 ? "" : "s");
}

IoStatus TlsStream::gatherHello() {
  if (!hello_) hello_ = std::make_unique<Hello>();
  const IoResult r = receive({worker_.input.get(), kHandshakeRead});
  if (r.status == IoStatus::kBlocked) return IoStatus::kBlocked;
  if (r.status != IoStatus::kOk) return leftEarly(r.status);
  sawByte_ = true;
  std::span<const uint8_t> bytes{worker_.input.get(), r.bytes};
  if (!hello_->bytes.empty()) {
    hello_->bytes.insert(hello_->bytes.end(), bytes.begin(), bytes.end());
    bytes = hello_->bytes;
  }
  ClientHello hello;
  const HelloResult result = hello_->gatherer.feed(bytes, hello);
  switch (result.status) {
    case HelloStatus::kNeedMore:
      if (hello_->bytes.empty()) hello_->bytes.assign(bytes.begin(), bytes.end());
      return IoStatus::kBlocked;
    case HelloStatus::kNotTls:
    case HelloStatus::kMalformed:
      return refuse(explainHello(result), result.alert, HandshakeFailure::kBadHello);
    case HelloStatus::kComplete:
      break;
  }
  const IoStatus status = beginSession(hello, hello_->gatherer.preface(bytes),
                                       bytes.subspan(hello_->gatherer.consumed()));
  if (hello_) {  // the client has some time for its next flight, and the hello may be 64 KiB
    hello_->bytes = {};
    hello_->gatherer.forget();
  }
  return status;
}

IoStatus TlsStream::beginSession(const ClientHello& hello, std::span<const uint8_t> preface,
                                 std::span<const uint8_t> rest) {
  TlsIoContext::serverName = hello.serverName;
  const HelloVerdict verdict = judgeHello(hello, *endpoint_->settings, *endpoint_->credentials);
  if (!verdict) return refuse(explainVerdict(verdict), verdict.alert, HandshakeFailure::kNoCommon);
  // wolfSSL refuses a hello with a ticket longer than its own could be, instead of making a full
  // handshake; a context that knows no tickets does not look at it (RFC 5077 3.4).
  // In TLS 1.3 a client that does not say that it resumes with a key exchange has no use for a
  // ticket (RFC 8446 4.2.9).
  const bool tickets = hello.ticket12Length <= kLongestTicket12 &&
                       (verdict.version != kTls13 || hello.pskWithKeyExchange);
  // Only where there is something to send: TLS 1.2 announces it before, and a session that may be
  // asked costs 2 KiB more.
  const bool staple =
      hello.statusRequest && endpoint_->settings->staple &&
      (*endpoint_->credentials)[verdict.credential].staple().serving(std::time(nullptr)) != nullptr;
  const auto context = worker_.contexts.contextFor(*endpoint_, verdict.credential, tickets, staple);
  if (!context)
    return refuse({CloseCause::kInternal, "", context.error().text}, Alert::internal_error,
                  HandshakeFailure::kOther);
  auto session = (*context)->newSession(hello, *this);
  if (!session)
    return refuse({CloseCause::kInternal, "", session.error().text}, Alert::internal_error,
                  HandshakeFailure::kOther);
  session_ = std::move(*session);
  hello_->tls13 = verdict.version == kTls13;
  input_ = preface;
  // What came behind the hello is looked at when it is known how the hello is answered.
  const IoStatus status = driveHandshake(&hello);
  return status == IoStatus::kBlocked && !rest.empty() ? takeFlight(rest) : status;
}

/// Takes what came behind the first hello.
IoStatus TlsStream::takeFlight(std::span<const uint8_t> bytes) {
  std::vector<uint8_t> whole = std::exchange(hello_->held, {});
  if (!whole.empty()) {
    whole.insert(whole.end(), bytes.begin(), bytes.end());
    bytes = whole;
  }
  if (hello_->guard.awaitsSecond()) return gatherSecond(bytes);
  std::vector<uint8_t> joined;
  if (!hello_->tls13) {
    const RecordVerdict verdict = hello_->flight.feed(bytes, joined, hello_->certificateAsked);
    if (verdict.kind == RecordVerdict::kRefuse) {
      hello_->verdict = verdict;
      return failHandshake(FATAL_ERROR);
    }
    bytes = joined;
  }
  input_ = bytes;
  return driveHandshake();
}

/// The second hello, after a HelloRetryRequest; nothing is protected yet.
IoStatus TlsStream::gatherSecond(std::span<const uint8_t> bytes) {
  RecordVerdict front;
  while ((front = hello_->guard.inspect(bytes)).kind == RecordVerdict::kDrop)
    bytes = bytes.subspan(front.size);
  if (front.kind == RecordVerdict::kRefuse)
    return refuse(alertSent(front.alert, std::string(front.reason)), front.alert,
                  HandshakeFailure::kBadHello);
  if (front.kind == RecordVerdict::kReceived) {
    hello_->verdict = front;
    return failHandshake(FATAL_ERROR);
  }
  ClientHello hello;
  const HelloResult result =
      front.kind == RecordVerdict::kPass ? hello_->second.feed(bytes, hello) : HelloResult{};
  if (result.status == HelloStatus::kNeedMore) {
    hello_->held.assign(bytes.begin(), bytes.end());
    return IoStatus::kBlocked;
  }
  if (result.status != HelloStatus::kComplete)
    return refuse(explainHello(result), result.alert, HandshakeFailure::kBadHello);
  const SecondHelloVerdict verdict = hello_->guard.judgeSecond(hello);
  if (!verdict.reason.empty())
    return refuse(alertSent(verdict.alert, std::string(verdict.reason)), verdict.alert,
                  HandshakeFailure::kBadHello);
  // wolfSSL minds the record's version, which is to be ignored (RFC 8446 5.1).
  const auto preface = hello_->second.preface(bytes);
  std::vector<uint8_t> second(preface.begin(), preface.end());
  for (size_t at = 0; at < second.size();) {
    second[at + 2] = 3;
    at += kRecordHeader + static_cast<size_t>(second[at + 3] << 8 | second[at + 4]);
  }
  hello_->second.forget();
  input_ = second;
  const auto rest = bytes.subspan(hello_->second.consumed());
  const IoStatus status = driveHandshake();
  return status == IoStatus::kBlocked && !rest.empty() ? takeFlight(rest) : status;
}

/// Between two records of a handshake, inside the recv callback: drops what wolfSSL need not see.
/// 0: go on; else what the callback returns.
int TlsStream::guardInput() noexcept {
  if (!hello_->tls13) return 0;
  for (;;) {
    if (input_.empty()) return WOLFSSL_CBIO_ERR_WANT_READ;
    const RecordVerdict front = hello_->guard.inspect(input_);
    switch (front.kind) {
      case RecordVerdict::kPass:
        return 0;
      case RecordVerdict::kDrop:
        input_ = input_.subspan(front.size);
        break;
      case RecordVerdict::kMore:
        try {
          hello_->held.assign(input_.begin(), input_.end());
        } catch (const std::bad_alloc&) {
          outOfMemory_ = true;
          return WOLFSSL_CBIO_ERR_GENERAL;
        }
        input_ = {};
        return WOLFSSL_CBIO_ERR_WANT_READ;
      default:
        hello_->verdict = front;
        return WOLFSSL_CBIO_ERR_GENERAL;
    }
  }
}

/// `first` is the hello that is answered, while it is the first one.
IoStatus TlsStream::driveHandshake(const ClientHello* first) {
  const int result = wolfSSL_accept(session_.get());
  if (result != WOLFSSL_SUCCESS) {
    const int error = wolfSSL_get_error(session_.get(), result);
    if (classifyError(error) != TlsEvent::kWantRead) return failHandshake(error);
  }
  if (result == WOLFSSL_SUCCESS && client && !client->holds())
    return failHandshake(VERIFY_CERT_ERROR);
  if (!hello_->answered) {
    const StagedFlight staged = lookAtFlight(worker_.output);
    hello_->answered = staged.serverHello;
    hello_->certificateAsked = staged.asksCertificate;
    if (first != nullptr && !staged.retry.empty()) hello_->guard.awaitSecond(*first, staged.retry);
  }
  if (result == WOLFSSL_SUCCESS) holdTicket();
  const IoStatus sent = sendOutput();
  if (sent == IoStatus::kFailed || sent == IoStatus::kReset) return leftEarly(sent);
  if (result != WOLFSSL_SUCCESS) {
    input_ = {};
    return IoStatus::kBlocked;
  }
  finishHandshake();
  return IoStatus::kOk;
}

void TlsStream::finishHandshake() {
  if (client) client->handshakeDone();
  stashInput();  // payload that came along with the client's last flight
  established_ = true;
  offered.reset();
  hello_.reset();
#ifdef WOLFSSL_SEND_HRR_COOKIE
  wolfSSL_disable_hrr_cookie(session_.get());  // frees its secret, where there was one
#endif
  if (endpoint_->asked) {
    const auto name = endpoint_->credentials->nameCovering(TlsIoContext::serverName);
    if (!name.empty()) endpoint_->asked->note(name, std::time(nullptr));
  }
  endpoint_.reset();
  worker_.counters.add(Counter::kHandshakesOk);
  if (wolfSSL_session_reused(session_.get()) != 0)
    worker_.counters.add(Counter::kHandshakesResumed);
  else if (ticketOffered)
    worker_.counters.add(Counter::kTicketsRefused);
  if (stapled) worker_.counters.add(Counter::kOcspResponsesServed);
  session_.tellSecrets();
}

ClientVerdict TlsStream::applyTrust(const std::shared_ptr<const TlsEndpoint>& newest) {
  const auto& auth = newest->settings->clientAuth;
  if (failed_) return {};
  if (!established_ && !session_) {
    endpoint_ = newest;  // nothing has been answered yet
    return {};
  }
  if (auth == nullptr || (established_ && !client)) return {};
  if (!client)
    return {Alert::handshake_failure, "client was not asked for a certificate, as is demanded now"};
  const auto verifier = std::make_shared<const ClientVerifier>(auth);
  if (!established_) client->judgeBy(verifier);
  if (!established_ && !client->verified()) return {};  // it is judged when it comes
  ClientVerdict verdict = client->judgeAgain(*verifier, std::time(nullptr));
  if (!verdict && !established_) handshakeFailure_ = HandshakeFailure::kClientAuth;
  return verdict;
}

/// All that is sealed at the end of a TLS 1.3 handshake is the ticket; the client has had our
/// Finished before. In TLS 1.2 it waits for ours.
void TlsStream::holdTicket() {
  if (worker_.output.empty() || backlog() != 0) return;
  if (wolfSSL_GetVersion(session_.get()) != WOLFSSL_TLSV1_3) return;
  heldTicket_ = std::make_unique<HeldTicket>(
      worker_.output, this, [](void* self) { static_cast<TlsStream*>(self)->releaseTicket(); });
  worker_.output.clear();
  worker_.tickets.add(*heldTicket_);
}

/// It did not find company in time. Called by the timer: no exception may leave.
void TlsStream::releaseTicket() {
  const auto ticket = std::move(heldTicket_);
  bool kept = false;
  try {
    kept = backlog_.append(ticket->bytes());
  } catch (const std::bad_alloc&) {
  }
  if (kept) return observer_->onWritable();  // who drives the stream has a backlog to flush
  failForMemory();                           // what is sealed next could not be opened without it
  observer_->onReadable();
}

IoStatus TlsStream::failHandshake(int wolfError) {
  input_ = {};
  if (outOfMemory_) {
    handshakeFailure_ = HandshakeFailure::kOther;
    failForMemory();
    return sendOutput() == IoStatus::kReset ? IoStatus::kReset : IoStatus::kFailed;
  }
  const RecordVerdict& own = hello_->verdict;
  if (own.kind == RecordVerdict::kReceived && own.alert == Alert::close_notify)
    return leftEarly(IoStatus::kEof);
  const AlertsSeen alerts = endWithAlert(wolfError);
  const bool refused = client && client->refused();
  CloseReason why = refused ? explainVerdict({0, alerts.sent.value_or(client->verdict().alert),
                                              client->verdict().reason})
                            : explainHandshakeFailure(wolfError, alerts);
  if (own.kind == RecordVerdict::kRefuse) why.detail = std::string(own.reason);
  setFailure(std::move(why));
  handshakeFailure_ = alerts.received ? HandshakeFailure::kAlert : HandshakeFailure::kOther;
  if (alerts.sent == Alert::handshake_failure || alerts.sent == Alert::no_application_protocol) {
    handshakeFailure_ = HandshakeFailure::kNoCommon;
  }
  if (refused || isClientAuthError(wolfError)) handshakeFailure_ = HandshakeFailure::kClientAuth;
  failed_ = true;
  return sendOutput() == IoStatus::kReset ? IoStatus::kReset : IoStatus::kFailed;
}

/// Sees to it that the client gets an alert, unless it sent one. wolfSSL stages its ServerHello
/// before it has looked at the client's key share: while nothing has left, none of that leaves, and
/// the alert is plain. There the one that our table names comes before the library's choice.
AlertsSeen TlsStream::endWithAlert(int wolfError) {
  const RecordVerdict& own = hello_->verdict;
  if (own.kind == RecordVerdict::kReceived) return {.sent = {}, .received = own.alert};
  AlertsSeen alerts = alertsSeen(session_.get(), *this);
  if (alerts.received) return alerts;
  std::optional<uint8_t> alert =
      own.kind == RecordVerdict::kRefuse ? own.alert : alertFor(wolfError);
  if (alerts.sent && (!alert || alert == Alert::internal_error)) alert = alerts.sent;
  if (!alert) return alerts;
  if (hello_->answered) {
    if (!alerts.sent) alerts.sent = sendFatalAlert(session_.get(), *alert);
  } else {
    const auto record = fatalAlertRecord(*alert);
    worker_.output.assign(record.begin(), record.end());
    alerts.sent = alert;
  }
  return alerts;
}

/// Refuses before a session exists, with a plaintext alert (RFC 8446 5.1: nothing is protected
/// yet).
IoStatus TlsStream::refuse(CloseReason failure, uint8_t alert, HandshakeFailure kind) {
  const auto record = fatalAlertRecord(alert);
  worker_.output.insert(worker_.output.end(), record.begin(), record.end());
  setFailure(std::move(failure));
  handshakeFailure_ = kind;
  failed_ = true;
  return sendOutput() == IoStatus::kReset ? IoStatus::kReset : IoStatus::kFailed;
}

IoStatus TlsStream::leftEarly(IoStatus status) {
  if (!sawByte_) return IoStatus::kEof;
  handshakeFailure_ = HandshakeFailure::kClosed;
  if (status == IoStatus::kEof) return IoStatus::kTruncated;
  return status;
}

}  // namespace culvert
