// SPDX-License-Identifier: GPL-3.0-or-later
// See tls_stream.h.
#include "tls/session/tls_stream.h"

#include <algorithm>
#include <ctime>

#include "tls/library/wolf_error.h"
#include "tls/library/wolfssl.h"
#include "tls/protocol/alert_number.h"
#include "tls/session/server_handshake.h"
#include "tls/session/wolf_alert.h"

namespace culvert {
namespace {

// The most bytes that one write() seals. More sealed bytes would only have to wait in the backlog.
constexpr size_t kSealAtOnce = 64 * 1024;
static_assert(kSealAtOnce + kSealAtOnce / 8 < ByteStream::kMostBacklog);

/// True if wolfSSL ended the session because of too many records without payload. wolfSSL allows 32
/// empty records in a row (WOLFSSL_MAX_EMPTY_RECORDS) and five alerts in a session
/// (WOLFSSL_ALERT_COUNT_MAX), however far apart. wolfSSL does not count KeyUpdates.
bool isFlood(int wolfError) {
#if LIBWOLFSSL_VERSION_HEX >= 0x05009000
  if (wolfError == EMPTY_RECORD_LIMIT_E) return true;
#endif
  return wolfError == ALERT_COUNT_E;
}

}  // namespace

TlsStream::TlsStream(TlsWorker& worker, UniqueFd fd, std::shared_ptr<const TlsEndpoint> endpoint)
    : TlsTransport(worker, std::move(fd)),
      records_(endpoint->settings->recordSize),
      handshake_(std::make_unique<ServerHandshake>(*this, std::move(endpoint))) {}

TlsStream::~TlsStream() = default;

IoStatus TlsStream::handshake() {
  const OutputGuard guard{*this};
  if (failed_) return IoStatus::kFailed;
  if (!handshake_) return IoStatus::kOk;
  const IoStatus status = handshake_->step();
  if (status == IoStatus::kOk) handshake_.reset();
  return status;
}

std::string TlsStream::handshakeProgress() const {
  return handshake_ ? handshake_->progress() : std::string();
}

HandshakeFailure TlsStream::handshakeFailure() const {
  return handshake_ ? handshake_->failure() : HandshakeFailure::kNone;
}

PeerVerdict TlsStream::applyTrust(const std::shared_ptr<const TlsEndpoint>& newest) {
  if (failed_) return {};
  if (handshake_) return handshake_->applyTrust(newest);
  const auto& auth = newest->settings->peerAuth;
  if (auth == nullptr || !context_.proof) return {};
  return context_.proof->judgeAgain(PeerVerifier(auth), std::time(nullptr));
}

IoResult TlsStream::read(RingBuffer& into, size_t limit) {
  const OutputGuard guard{*this};
  if (failed_) return {IoStatus::kFailed, 0};
  if (!carried_.empty()) {
    input_ = carried_;
  } else {
    // Receive no more ciphertext than `limit` allows plaintext. Plaintext is shorter than its
    // ciphertext, so all of the plaintext fits into `limit`, including the unfinished record that
    // wolfSSL holds.
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
      // Do not call wolfSSL_read again if the call would only return "want read". For a small
      // message, the extra call would account for about 10 % of the processing time.
      if (input_.empty() && wolfSSL_pending(session_.get()) == 0) return {IoStatus::kOk, total};
      continue;
    }
    const int error = wolfSSL_get_error(session_.get(), n);
    switch (classifyError(error)) {
      case TlsEvent::kWantRead:
      case TlsEvent::kWantWrite:
        return {IoStatus::kOk, total};
      case TlsEvent::kCleanEnd:
        input_ = {};  // RFC 8446 6.1: ignore data after close_notify
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
  AlertsSeen alerts = alertsSeen(session_.get(), context_);
  if (!alerts.received && !alerts.sent) {
    if (const auto alert = alertFor(wolfError))
      alerts.sent = sendFatalAlert(session_.get(), *alert);
  }
  setFailure(explainSessionFailure(wolfError, alerts));
  return IoStatus::kFailed;
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

IoStatus TlsStream::shutdownWrite() {
  const OutputGuard guard{*this};
  // After a fatal alert the TLS session is closed (RFC 8446 6.2), so culvert closes only the TCP
  // connection and sends no close_notify.
  if (!failed_ && established_ && !notifySent_) {
    notifySent_ = true;
    wolfSSL_shutdown(session_.get());
    if (outOfMemory_) return failForMemory();  // close_notify could not be sealed
  }
  finishWanted_ = true;
  return sendOutput();
}

}  // namespace culvert
