// SPDX-License-Identifier: GPL-3.0-or-later
// The established session: reading, writing, ending. See tls_stream.h; the handshake is in
// tls_handshake.cc.
#include "tls/session/tls_stream.h"

#include <algorithm>
#include <cstring>

#include "tls/library/wolf_error.h"
#include "tls/library/wolfssl.h"
#include "tls/protocol/alert_number.h"
#include "tls/protocol/wire.h"
#include "tls/session/wolf_alert.h"

namespace culvert {
namespace {

// What one write() seals at most: more would only wait in the backlog.
constexpr size_t kSealAtOnce = 64 * 1024;
static_assert(kSealAtOnce + kSealAtOnce / 8 < ByteStream::kMostBacklog);

/// wolfSSL's own bounds on records that cost work and carry nothing. Neither decays with time: 32
/// empty records without payload between them (WOLFSSL_MAX_EMPTY_RECORDS), and five alerts in a
/// session (WOLFSSL_ALERT_COUNT_MAX). KeyUpdates it does not count.
bool isFlood(int wolfError) {
#if LIBWOLFSSL_VERSION_HEX >= 0x05009000
  if (wolfError == EMPTY_RECORD_LIMIT_E) return true;
#endif
  return wolfError == ALERT_COUNT_E;
}

/// Whether a sealed record may be an alert: in TLS 1.3 it looks like two bytes of payload.
bool mayBeAlert(std::span<const uint8_t> record) {
  constexpr size_t kSealedAlert13 = kRecordHeader + 2 + 1 + 16;
  return record.size() == kSealedAlert13 || record[0] == kAlertRecord;
}

}  // namespace

IoResult TlsStream::read(RingBuffer& into, size_t limit) {
  const OutputGuard guard{*this};
  if (failed_) return {IoStatus::kFailed, 0};
  if (!carried_.empty()) {
    input_ = carried_;
  } else {
    // Plaintext is shorter than its ciphertext: with what wolfSSL holds of an unfinished record,
    // everything fits.
    const size_t room = limit > partial_ ? limit - partial_ : 0;
    const size_t wanted = std::min(room, TlsWorker::kScratch);
    if (wanted == 0) return {IoStatus::kBlocked, 0};
    const IoResult r = receive({worker_.input.get(), wanted});
    if (r.status == IoStatus::kEof) return {IoStatus::kTruncated, 0};
    if (r.status != IoStatus::kOk) return {r.status, 0};
    input_ = {worker_.input.get(), r.bytes};
  }
  const IoResult result = decrypt(into);
  stashInput();
  if (sendOutput() == IoStatus::kFailed) return {IoStatus::kFailed, result.bytes};
  return result;
}

IoResult TlsStream::decrypt(RingBuffer& into) {
  size_t total = 0;
  for (;;) {
    const std::span<uint8_t> free = into.writable();
    if (free.empty()) {
      if (!into.outOfMemory()) return {IoStatus::kOk, total};
      return {failForMemory(), total};
    }
    const int n = wolfSSL_read(session_.get(), free.data(), static_cast<int>(free.size()));
    into.commit(n > 0 ? static_cast<size_t>(n) : 0);
    if (n > 0) {
      idle_.payload();
      total += static_cast<size_t>(n);
      // Asking once more only to hear "want read" costs a tenth of a small message.
      if (input_.empty() && wolfSSL_pending(session_.get()) == 0) return {IoStatus::kOk, total};
      continue;
    }
    const int error = wolfSSL_get_error(session_.get(), n);
    switch (classifyError(error)) {
      case TlsEvent::kWantRead:
      case TlsEvent::kWantWrite:
        return {IoStatus::kOk, total};
      case TlsEvent::kCleanEnd:
        input_ = {};  // RFC 8446 6.1: whatever follows close_notify is ignored
        return {IoStatus::kEof, total};
      default:
        return {failSession(error), total};
    }
  }
}

IoStatus TlsStream::failSession(int wolfError) {
  input_ = {};
  if (outOfMemory_) return failForMemory();
  failed_ = true;
  if (flood_) {
    sendFatalAlert(session_.get(), Alert::unexpected_message);
    setFailure(alertSent(Alert::unexpected_message, "too many records in a row without payload"));
  }
  if (flood_ || isFlood(wolfError)) worker_.counters.add(Counter::kFloodEnds);
  if (flood_) return IoStatus::kFailed;
  AlertsSeen alerts = alertsSeen(session_.get(), *this);
  if (!alerts.received && !alerts.sent) {
    if (const auto alert = alertFor(wolfError))
      alerts.sent = sendFatalAlert(session_.get(), *alert);
  }
  setFailure(explainSessionFailure(wolfError, alerts));
  return IoStatus::kFailed;
}

/// The library has one number for a record that is too long and one that is too short, and one for
/// a missing extension and a message that it cannot join.
std::optional<uint8_t> TlsStream::alertFor(int wolfError) const {
  if (wolfError == LENGTH_ERROR && bodyLeft_ > kMaxPlaintext) return Alert::record_overflow;
  if (wolfError == INCOMPLETE_DATA && established_) return Alert::unexpected_message;
  return alertForError(wolfError);
}

IoResult TlsStream::write(RingBuffer& from) {
  const OutputGuard guard{*this};
  if (failed_) return {IoStatus::kFailed, 0};
  if (backlog() != 0) {
    const IoStatus status = sendOutput();
    if (status != IoStatus::kOk) return {status, 0};
  }
  size_t total = 0;
  while (!from.empty() && total < kSealAtOnce) {
    const std::span<const uint8_t> bytes = from.readable();
    size_t part = std::min(bytes.size(), kSealAtOnce - total);
    if (!records_.isFull()) part = records_.next(part, worker_.loop.now());
    const int n = wolfSSL_write(session_.get(), bytes.data(), static_cast<int>(part));
    if (n <= 0) {
      const int error = wolfSSL_get_error(session_.get(), n);
      const IoStatus status = failSession(error);
      sendOutput();
      return {status, total};
    }
    from.consume(static_cast<size_t>(n));
    total += static_cast<size_t>(n);
  }
  const IoStatus status = sendOutput();
  if (status != IoStatus::kOk) return {status, total};
  return {from.empty() ? IoStatus::kOk : IoStatus::kBlocked, total};
}

IoStatus TlsStream::flush() {
  const OutputGuard guard{*this};
  return sendOutput();
}

IoStatus TlsStream::shutdownWrite() {
  const OutputGuard guard{*this};
  // After a fatal alert TLS has ended (RFC 8446 6.2): only TCP is left to end.
  if (!failed_ && established_ && !notifySent_) {
    notifySent_ = true;
    wolfSSL_shutdown(session_.get());
    if (outOfMemory_) return failForMemory();  // without close_notify this is no end in order
  }
  finishWanted_ = true;
  return sendOutput();
}

/// Sends what the last calls sealed, after what waited already. kOk = nothing waits any more (and
/// the FIN, where it was wanted, is out).
IoStatus TlsStream::sendOutput() {
  auto& output = worker_.output;
  if (heldTicket_ && (!output.empty() || finishWanted_)) {
    output.insert(output.begin(), heldTicket_->bytes().begin(), heldTicket_->bytes().end());
    heldTicket_.reset();
  }
  std::span<const uint8_t> fresh = output;
  IoStatus status = IoStatus::kOk;
  while (backlog() != 0 && status == IoStatus::kOk) {
    const std::span<const uint8_t> bytes = backlog_.readable();
    const IoResult r = transmit(bytes);
    backlog_.consume(r.bytes);
    status = r.status == IoStatus::kOk && r.bytes < bytes.size() ? IoStatus::kBlocked : r.status;
  }
  if (backlog() == 0 && !fresh.empty() && status == IoStatus::kOk) {
    // Where the FIN comes next, it leaves in the same segment.
    const IoResult r = transmit(fresh, finishWanted_ && !finished_);
    fresh = fresh.subspan(r.bytes);
    status = r.status == IoStatus::kOk && !fresh.empty() ? IoStatus::kBlocked : r.status;
  }
  if (!fresh.empty() && status == IoStatus::kBlocked && !backlog_.append(fresh)) {
    // Out of memory, or a client that provoked more answers than it reads.
    failed_ = true;
    setFailure({CloseCause::kInternal, "", "no room for sealed records"});
    status = IoStatus::kFailed;
  }
  output.clear();
  if (status == IoStatus::kReset) backlog_.clear();
  if (status == IoStatus::kOk && finishWanted_ && !finished_) {
    finished_ = true;
    status = finish();
  }
  return status;
}

/// What is still there when a verb ends was sealed by a call that did not get as far as sending:
/// without it the client could not read what came after.
void TlsStream::dropOutput() noexcept {
  if (worker_.output.empty()) return;
  worker_.output.clear();
  failForMemory();
}

std::optional<CloseReason> TlsStream::failure() const {
  if (!failed_) return std::nullopt;
  return failure_ ? *failure_ : CloseReason{CloseCause::kInternal, "", "out of memory"};
}

void TlsStream::setFailure(CloseReason reason) {
  failure_ = std::make_unique<const CloseReason>(std::move(reason));
}

IoStatus TlsStream::failForMemory() noexcept {
  failed_ = true;
  failure_.reset();
  return IoStatus::kFailed;
}

void TlsStream::stashInput() {
  if (input_.empty()) {
    carried_.clear();
    carried_.shrink_to_fit();
    return;
  }
  if (established_) worker_.counters.add(Counter::kCiphertextCarried);
  carried_ = std::vector<uint8_t>(input_.begin(), input_.end());
  input_ = {};
}

int TlsStream::onSend(WOLFSSL* ssl, char* from, int size, void* io) {
  auto* self = static_cast<TlsStream*>(static_cast<TlsIoContext*>(io));
  if (self->ended) return size;  // the library sends some alerts twice
  auto& output = self->worker_.output;
  // As bytes: from char to uint8_t the compiler copies one at a time.
  const auto* bytes = reinterpret_cast<const uint8_t*>(from);
  try {
    output.insert(output.end(), bytes, bytes + size);
  } catch (const std::bad_alloc&) {  // which C code between us and the tunnel could not pass on
    self->outOfMemory_ = true;
    return WOLFSSL_CBIO_ERR_GENERAL;
  }
  if (!self->established_ || mayBeAlert({bytes, static_cast<size_t>(size)})) noteAlert(ssl, *self);
  return size;
}

int TlsStream::onRecv(WOLFSSL*, char* into, int size, void* io) {
  return static_cast<TlsStream*>(static_cast<TlsIoContext*>(io))->feed(into, size);
}

int TlsStream::feed(char* into, int size) {
  if (input_.empty()) return WOLFSSL_CBIO_ERR_WANT_READ;
  // Refused between records, where no other alert than ours can get in between.
  if (partial_ == 0) {
    if (!established_) {
      if (const int error = guardInput(); error != 0) return error;
    } else if (idle_.flooded(worker_.loop.now())) {
      flood_ = true;
      return WOLFSSL_CBIO_ERR_GENERAL;
    }
  }
  const size_t n = std::min(input_.size(), static_cast<size_t>(size));
  std::memcpy(into, input_.data(), n);
  countFraming(input_.first(n));
  input_ = input_.subspan(n);
  return static_cast<int>(n);
}

/// Follows the record headers on their way into wolfSSL: how much of an unfinished record it holds,
/// and how many records have come without payload.
void TlsStream::countFraming(std::span<const uint8_t> bytes) {
  // wolfSSL asks for a header and then for a body, never across.
  for (size_t i = 0; i < bytes.size();) {
    if (partial_ < kRecordHeader) {
      if (partial_ == 3) bodyLeft_ = static_cast<uint32_t>(bytes[i]) << 8;
      if (partial_ == 4) bodyLeft_ |= bytes[i];
      ++partial_;
      ++i;
      if (partial_ == kRecordHeader && established_) idle_.add(worker_.loop.now());
    } else {
      const size_t part = std::min<size_t>(bodyLeft_, bytes.size() - i);
      partial_ += static_cast<uint32_t>(part);
      bodyLeft_ -= static_cast<uint32_t>(part);
      i += part;
    }
    if (partial_ >= kRecordHeader && bodyLeft_ == 0) partial_ = 0;
  }
}

}  // namespace culvert
