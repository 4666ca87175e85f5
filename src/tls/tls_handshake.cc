// SPDX-License-Identifier: GPL-3.0-or-later
// The handshake half of TlsStream: the ClientHello is gathered and judged before a WOLFSSL exists,
// so that a port scanner costs a few bytes; then wolfSSL_accept is driven from memory. See
// tls_stream.h.
#include <algorithm>
#include <cstring>
#include <ctime>

#include "tls/alert_number.h"
#include "tls/hello_check.h"
#include "tls/tls_stream.h"
#include "tls/wolfssl.h"

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

/// Whether a ServerHello, and not only a HelloRetryRequest, is among the records that are staged.
/// What is sealed comes behind it.
bool holdsServerHello(std::span<const uint8_t> staged) {
  // RFC 8446 4.1.3: the random of a HelloRetryRequest.
  static constexpr uint8_t kRetry[] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11,
                                       0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
                                       0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e,
                                       0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
  constexpr size_t kRecordHeader = 5;
  constexpr size_t kRandomAt = kRecordHeader + 4 + 2;
  constexpr uint8_t kHandshakeRecord = 22;
  while (staged.size() >= kRandomAt + sizeof kRetry) {
    if (staged[0] == kHandshakeRecord &&
        std::memcmp(&staged[kRandomAt], kRetry, sizeof kRetry) != 0)
      return true;
    const size_t record = kRecordHeader + static_cast<size_t>(staged[3] << 8 | staged[4]);
    staged = staged.subspan(std::min(record, staged.size()));
  }
  return false;
}

}  // namespace

/// What lives only until the handshake is done.
struct TlsStream::Hello {
  HelloGatherer gatherer;
  bool answered = false;       // a ServerHello has left; from there on records are protected
  std::vector<uint8_t> bytes;  // only for a hello that comes in pieces
};

TlsStream::TlsStream(TlsWorker& worker, UniqueFd fd, std::shared_ptr<const TlsEndpoint> endpoint)
    : SocketStream(worker.loop, std::move(fd)),
      worker_(worker),
      endpoint_(std::move(endpoint)),
      backlog_(worker.pool, kBacklogSize) {}

TlsStream::~TlsStream() = default;

IoStatus TlsStream::handshake() {
  const OutputGuard guard{*this};
  if (failed_) return IoStatus::kFailed;
  if (!session_) return gatherHello();
  const IoResult r = receive({worker_.input.get(), kHandshakeRead});
  if (r.status == IoStatus::kBlocked)
    return sendOutput() == IoStatus::kReset ? IoStatus::kReset : IoStatus::kBlocked;
  if (r.status != IoStatus::kOk) return leftEarly(r.status);
  input_ = {std::span<const uint8_t>{worker_.input.get(), r.bytes}};
  return driveHandshake();
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
  return beginSession(hello, hello_->gatherer.preface(bytes),
                      bytes.subspan(hello_->gatherer.consumed()));
}

IoStatus TlsStream::beginSession(const ClientHello& hello, std::span<const uint8_t> preface,
                                 std::span<const uint8_t> rest) {
  TlsIoContext::serverName = hello.serverName;
  const HelloVerdict verdict = judgeHello(hello, *endpoint_->settings, *endpoint_->credentials);
  if (!verdict) return refuse(explainVerdict(verdict), verdict.alert, HandshakeFailure::kNoCommon);
  // wolfSSL refuses a hello with a ticket longer than its own could be, instead of making a full
  // handshake; a context that knows no tickets does not look at it (RFC 5077 3.4).
  const bool tickets = hello.ticket12Length <= kLongestTicket12;
  // Only where there is something to send: TLS 1.2 announces it before, and a session that may be
  // asked costs 2 KiB more.
  const bool staple =
      hello.statusRequest && endpoint_->settings->staple &&
      (*endpoint_->credentials)[verdict.credential].staple().serving(std::time(nullptr)) != nullptr;
  const auto context = worker_.contexts.contextFor(*endpoint_, verdict.credential, tickets, staple);
  if (!context)
    return refuse({"internal", context.error().text}, Alert::internal_error,
                  HandshakeFailure::kOther);
  auto session = (*context)->newSession(hello, *this);
  if (!session)
    return refuse({"internal", session.error().text}, Alert::internal_error,
                  HandshakeFailure::kOther);
  session_ = std::move(*session);
  input_ = {preface, rest};
  return driveHandshake();
}

IoStatus TlsStream::driveHandshake() {
  const int result = wolfSSL_accept(session_.get());
  if (result != WOLFSSL_SUCCESS) {
    const int error = wolfSSL_get_error(session_.get(), result);
    if (classifyError(error) != TlsEvent::kWantRead) return failHandshake(error);
  }
  hello_->answered = hello_->answered || holdsServerHello(worker_.output);
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
  stashInput();  // payload that came along with the client's last flight
  established_ = true;
  offered.reset();
  hello_.reset();
  endpoint_.reset();
  worker_.counters.add(Counter::kHandshakesOk);
  if (wolfSSL_session_reused(session_.get()) != 0)
    worker_.counters.add(Counter::kHandshakesResumed);
  else if (ticketOffered)
    worker_.counters.add(Counter::kTicketsRefused);
  if (stapled) worker_.counters.add(Counter::kOcspResponsesServed);
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
  const AlertsSeen alerts = endWithAlert(wolfError);
  TlsFailure why = explainHandshakeFailure(wolfError, alerts);
  setFailure(std::move(why.cause), std::move(why.reason));
  handshakeFailure_ = alerts.received ? HandshakeFailure::kAlert : HandshakeFailure::kOther;
  if (alerts.sent == Alert::handshake_failure || alerts.sent == Alert::no_application_protocol) {
    handshakeFailure_ = HandshakeFailure::kNoCommon;
  }
  failed_ = true;
  return sendOutput() == IoStatus::kReset ? IoStatus::kReset : IoStatus::kFailed;
}

/// Sees to it that the client gets an alert, unless it sent one. wolfSSL stages its ServerHello
/// before it has looked at the client's key share: while nothing has left, none of that leaves, and
/// the alert is plain (RFC 8446 6: it is protected only after the keys have changed for both).
AlertsSeen TlsStream::endWithAlert(int wolfError) {
  AlertsSeen alerts = alertsSeen(session_.get(), *this);
  if (alerts.received) return alerts;
  const auto alert = alerts.sent ? alerts.sent : alertForError(wolfError);
  if (!alert) return alerts;
  if (hello_->answered) {
    alerts.sent = sendFatalAlert(session_.get(), *alert);
  } else {
    const auto record = fatalAlertRecord(*alert);
    worker_.output.assign(record.begin(), record.end());
    alerts.sent = alert;
  }
  return alerts;
}

/// Refuses before a session exists, with a plaintext alert (RFC 8446 5.1: nothing is protected
/// yet).
IoStatus TlsStream::refuse(const TlsFailure& failure, uint8_t alert, HandshakeFailure kind) {
  const auto record = fatalAlertRecord(alert);
  worker_.output.insert(worker_.output.end(), record.begin(), record.end());
  setFailure(failure.cause, failure.reason);
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
