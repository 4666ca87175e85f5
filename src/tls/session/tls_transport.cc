// SPDX-License-Identifier: GPL-3.0-or-later
// See tls_transport.h.
#include "tls/session/tls_transport.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "event/callback.h"
#include "tls/library/wolf_error.h"
#include "tls/library/wolfssl.h"
#include "tls/protocol/alert_number.h"
#include "tls/protocol/wire.h"

namespace culvert {
namespace {

// The backlog has room for the records that one write() seals and for the answers that one read()
// may cause. Only the pages in use take memory.
constexpr size_t kBacklogSize = 192 * 1024;

/// Returns whether a sealed record may be an alert. In TLS 1.3 only its size shows that a sealed
/// record may be an alert: the record has two bytes of payload.
bool mayBeAlert(std::span<const uint8_t> record) {
  constexpr size_t kSealedAlert13 = kRecordHeader + 2 + 1 + 16;
  return record.size() == kSealedAlert13 || record[0] == kAlertRecord;
}

}  // namespace

TlsTransport::TlsTransport(TlsWorker& worker, UniqueFd fd)
    : SocketStream(worker.loop, std::move(fd)),
      worker_(worker),
      backlog_(worker.pool, kBacklogSize) {
  context_.owner = this;
}

TlsTransport::~TlsTransport() = default;

/// Chooses the alert where one error code of wolfSSL has several meanings. LENGTH_ERROR means a
/// record that is too long or too short. INCOMPLETE_DATA means a missing extension, or a message
/// that wolfSSL cannot reassemble.
std::optional<uint8_t> TlsTransport::alertFor(int wolfError) const {
  if (wolfError == LENGTH_ERROR && bodyLeft_ > kMaxPlaintext) return Alert::record_overflow;
  if (wolfError == INCOMPLETE_DATA && established_) return Alert::unexpected_message;
  return alertForError(wolfError);
}

IoStatus TlsTransport::flush() {
  const OutputGuard guard{*this};
  return sendOutput();
}

/// Sends the backlog first, then the records in the output scratch buffer. Returns kOk if all
/// records were sent and, if a FIN was requested, the FIN was sent too.
IoStatus TlsTransport::sendOutput() {
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
    // If a FIN was requested, send it in the same segment as the last bytes.
    const IoResult r = transmit(fresh, finishWanted_ && !finished_);
    fresh = fresh.subspan(r.bytes);
    status = r.status == IoStatus::kOk && !fresh.empty() ? IoStatus::kBlocked : r.status;
  }
  if (!fresh.empty() && status == IoStatus::kBlocked && !backlog_.append(fresh)) {
    // Memory ran out, or the client makes wolfSSL send more answers than the client reads.
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

/// Drops the records that a failed call sealed but could not send. Without the dropped records the
/// client could not decrypt later records, so the stream fails.
void TlsTransport::dropOutput() noexcept {
  if (worker_.output.empty()) return;
  worker_.output.clear();
  failForMemory();
}

std::optional<CloseReason> TlsTransport::failure() const {
  if (!failed_) return std::nullopt;
  return failure_ ? *failure_ : CloseReason{CloseCause::kInternal, "", "out of memory"};
}

void TlsTransport::setFailure(CloseReason reason) {
  failure_ = std::make_unique<const CloseReason>(std::move(reason));
}

IoStatus TlsTransport::failForMemory() noexcept {
  failed_ = true;
  failure_.reset();
  return IoStatus::kFailed;
}

void TlsTransport::stashInput() {
  if (input_.empty()) {
    carried_.clear();
    carried_.shrink_to_fit();
    return;
  }
  if (established_) worker_.counters.add(Counter::kCiphertextCarried);
  carried_ = std::vector<uint8_t>(input_.begin(), input_.end());
  input_ = {};
}

int TlsTransport::onSend(WOLFSSL* ssl, char* from, int size, void* io) {
  auto* self = static_cast<TlsIoContext*>(io)->owner;
  if (self->context_.ended) return size;  // wolfSSL sends some alerts twice
  auto& output = self->worker_.output;
  // Cast before the copy, because the compiler copies from char to uint8_t byte by byte.
  const auto* bytes = reinterpret_cast<const uint8_t*>(from);
  try {
    output.insert(output.end(), bytes, bytes + size);
  } catch (const std::bad_alloc&) {  // the exception must not pass through wolfSSL's C code
    self->outOfMemory_ = true;
    return WOLFSSL_CBIO_ERR_GENERAL;
  }
  if (!self->established_ || mayBeAlert({bytes, static_cast<size_t>(size)}))
    noteAlert(ssl, self->context_);
  return size;
}

int TlsTransport::onRecv(WOLFSSL*, char* into, int size, void* io) {
  return static_cast<TlsIoContext*>(io)->owner->feed(into, size);
}

int TlsTransport::feed(char* into, int size) {
  if (input_.empty()) return WOLFSSL_CBIO_ERR_WANT_READ;
  // Refuse only between two records, because there wolfSSL does not send an alert of its own
  // choice.
  if (partial_ == 0) {
    if (guard_ != nullptr) {
      if (const int error = guard_->beforeRecord(); error != 0) return error;
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

/// Reads the record headers in the bytes that are passed to wolfSSL. Counts the bytes of an
/// unfinished record that wolfSSL holds, and the number of records in a row without payload.
void TlsTransport::countFraming(std::span<const uint8_t> bytes) {
  // wolfSSL requests a record's header and body in separate calls.
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

/// Delays the session ticket. In TLS 1.3 the ticket is the only record sealed at the end of a
/// handshake, because the server has sent its Finished earlier. In TLS 1.2 culvert delays nothing,
/// because the client waits for the server's Finished.
void TlsTransport::holdTicket() {
  if (worker_.output.empty() || backlog() != 0) return;
  if (wolfSSL_GetVersion(session_.get()) != WOLFSSL_TLSV1_3) return;
  heldTicket_ =
      std::make_unique<HeldTicket>(worker_.output, this, call<&TlsTransport::releaseTicket>);
  worker_.output.clear();
  worker_.tickets.add(*heldTicket_);
}

/// Sends the delayed ticket when its delay is over. The timer calls this function, so it must not
/// throw.
void TlsTransport::releaseTicket() {
  const auto ticket = std::move(heldTicket_);
  bool kept = false;
  try {
    kept = backlog_.append(ticket->bytes());
  } catch (const std::bad_alloc&) {
  }
  if (kept) return observer_->onWritable();  // the owner flushes the backlog
  failForMemory();                           // the client could not decrypt later records
  observer_->onReadable();
}

}  // namespace culvert
