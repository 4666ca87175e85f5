// SPDX-License-Identifier: GPL-3.0-or-later
// See library_records.h.
#include "tls/session/library_records.h"

#include <algorithm>

#include "tls/library/wolf_error.h"
#include "tls/library/wolfssl.h"
#include "tls/protocol/alert_number.h"
#include "tls/session/explain.h"
#include "tls/session/wolf_alert.h"

namespace culvert {
namespace {

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

IoResult LibraryRecords::read(size_t, std::span<uint8_t> input, RingBuffer& into) {
  wolf_->input = input;
  const IoResult result = decrypt(into);
  io_.carry(std::exchange(wolf_->input, {}));
  return result;
}

IoResult LibraryRecords::decrypt(RingBuffer& into) {
  WOLFSSL* ssl = wolf_->session.get();
  size_t total = 0;
  for (;;) {
    const std::span<uint8_t> free = into.writable();
    if (free.empty()) {
      if (!into.outOfMemory()) return {IoStatus::kOk, total};
      return {io_.failForMemory(), total};
    }
    const int n = wolfSSL_read(ssl, free.data(), static_cast<int>(free.size()));
    into.commit(n > 0 ? static_cast<size_t>(n) : 0);
    if (n > 0) {
      wolf_->idle.payload();
      total += static_cast<size_t>(n);
      // Do not call wolfSSL_read again if the call would only return "want read". For a small
      // message, the extra call would account for about 10 % of the processing time.
      if (wolf_->input.empty() && wolfSSL_pending(ssl) == 0) return {IoStatus::kOk, total};
      continue;
    }
    const int error = wolfSSL_get_error(ssl, n);
    switch (classifyError(error)) {
      case TlsEvent::kWantRead:
      case TlsEvent::kWantWrite:
        return {IoStatus::kOk, total};
      case TlsEvent::kCleanEnd:
        wolf_->input = {};  // RFC 8446 6.1: ignore data after close_notify
        return {IoStatus::kEof, total};
      default:
        return {fail(error), total};
    }
  }
}

IoStatus LibraryRecords::fail(int wolfError) {
  WOLFSSL* ssl = wolf_->session.get();
  wolf_->input = {};
  if (wolf_->outOfMemory) return io_.failForMemory();
  if (wolf_->flood || isFlood(wolfError)) io_.worker_.counters.add(Counter::kFloodEnds);
  if (wolf_->flood) {
    sendFatalAlert(ssl, Alert::unexpected_message);
    io_.fail(alertSent(Alert::unexpected_message, "too many records in a row without payload"));
    return IoStatus::kFailed;
  }
  AlertsSeen alerts = alertsSeen(ssl, io_.context_);
  if (!alerts.received && !alerts.sent) {
    if (const auto alert = wolf_->alertFor(wolfError)) alerts.sent = sendFatalAlert(ssl, *alert);
  }
  io_.fail(explainSessionFailure(wolfError, alerts, io_.peer_));
  return IoStatus::kFailed;
}

IoResult LibraryRecords::write(RingBuffer& from, size_t most) {
  size_t total = 0;
  while (!from.empty() && total < most) {
    const std::span<const uint8_t> bytes = from.readable();
    size_t part = std::min(bytes.size(), most - total);
    if (!sizer_.isFull()) part = sizer_.next(part, io_.worker_.loop.now());
    const int n = wolfSSL_write(wolf_->session.get(), bytes.data(), static_cast<int>(part));
    if (n <= 0) return {fail(wolfSSL_get_error(wolf_->session.get(), n)), total};
    from.consume(static_cast<size_t>(n));
    total += static_cast<size_t>(n);
  }
  return {IoStatus::kOk, total};
}

bool LibraryRecords::closeNotify() {
  wolfSSL_shutdown(wolf_->session.get());
  return !wolf_->outOfMemory;
}

}  // namespace culvert
