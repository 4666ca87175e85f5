// SPDX-License-Identifier: GPL-3.0-or-later
// See tls_transport.h.
#include "tls/session/tls_transport.h"

#include <new>
#include <utility>

#include "base/bytes.h"
#include "event/callback.h"
#include "tls/library/wolfssl.h"

namespace culvert {
namespace {

// The backlog has room for the records that one write() seals and for the answers that one read()
// may cause. Only the pages in use take memory.
constexpr size_t kBacklogSize = 192 * 1024;

}  // namespace

TlsTransport::TlsTransport(TlsWorker& worker, UniqueFd fd, TlsPeer peer)
    : SocketStream(worker.loop, std::move(fd)),
      worker_(worker),
      peer_(peer),
      backlog_(worker.pool, kBacklogSize) {}

TlsTransport::~TlsTransport() = default;

IoStatus TlsTransport::flush() {
  const OutputGuard guard{*this};
  return sendOutput();
}

/// Sends the backlog first, then the records in the output scratch buffer. Returns kOk if all
/// records were sent and, if a FIN was requested, the FIN was sent too.
IoStatus TlsTransport::sendOutput() {
  auto& output = worker_.output;
  if (heldTicket_ && (!output.empty() || finishWanted_)) {
    output.prepend(heldTicket_->bytes());
    heldTicket_.reset();
  }
  std::span<const uint8_t> fresh = output.bytes();
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
    fail({CloseCause::kInternal, "", "no room for sealed records"});
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

void TlsTransport::sendFirst(std::string_view plain) {
  if (!plain.empty() && !backlog_.append(asBytes(plain))) throw std::bad_alloc();
}

void TlsTransport::releaseHeld() {
  if (!heldTicket_) return;
  worker_.output.append(heldTicket_->bytes());
  heldTicket_.reset();
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

void TlsTransport::fail(CloseReason reason) {
  failed_ = true;
  reason.cause = causeFor(reason.cause, peer_);
  failure_ = std::make_unique<const CloseReason>(std::move(reason));
}

IoStatus TlsTransport::failForMemory() noexcept {
  failed_ = true;
  failure_.reset();
  return IoStatus::kFailed;
}

void TlsTransport::carry(std::span<const uint8_t> rest) {
  if (rest.empty()) {
    carried_ = {};
    return;
  }
  if (established_) worker_.counters.add(Counter::kCiphertextCarried);
  carried_ = std::vector<uint8_t>(rest.begin(), rest.end());
}

/// Delays the session ticket. In TLS 1.3 the ticket is the only record sealed at the end of a
/// handshake, because the server has sent its Finished earlier. In TLS 1.2 culvert delays nothing,
/// because the client waits for the server's Finished.
void TlsTransport::holdTicket() {
  if (worker_.output.empty() || backlog() != 0) return;
  if (wolfSSL_GetVersion(wolf_->session.get()) != WOLFSSL_TLSV1_3) return;
  const std::span<const uint8_t> ticket = worker_.output.bytes();
  heldTicket_ = std::make_unique<HeldTicket>(std::vector<uint8_t>(ticket.begin(), ticket.end()),
                                             this, call<&TlsTransport::releaseTicket>);
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
