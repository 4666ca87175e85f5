// SPDX-License-Identifier: GPL-3.0-or-later
// See wolf_io.h.
#include "tls/session/wolf_io.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "tls/library/wolf_error.h"
#include "tls/library/wolfssl.h"
#include "tls/protocol/alert_number.h"
#include "tls/protocol/wire.h"
#include "tls/session/tls_transport.h"
#include "tls/session/wolf_alert.h"

namespace culvert {
namespace {

/// Returns whether a sealed record may be an alert. In TLS 1.3 only its size shows that a sealed
/// record may be an alert: the record has two bytes of payload.
bool mayBeAlert(std::span<const uint8_t> record) {
  constexpr size_t kSealedAlert13 = kRecordHeader + 2 + 1 + 16;
  return record.size() == kSealedAlert13 || record[0] == kAlertRecord;
}

}  // namespace

/// Chooses the alert where one error code of wolfSSL has several meanings. LENGTH_ERROR means a
/// record that is too long or too short. INCOMPLETE_DATA means a missing extension, or a message
/// that wolfSSL cannot reassemble.
std::optional<uint8_t> WolfIo::alertFor(int wolfError) const {
  if (wolfError == LENGTH_ERROR && bodyLeft_ > kMaxPlaintext) return Alert::record_overflow;
  if (wolfError == INCOMPLETE_DATA && established) return Alert::unexpected_message;
  return alertForError(wolfError);
}

int WolfIo::onSend(WOLFSSL* ssl, char* from, int size, void* context) {
  auto* shared = static_cast<TlsIoContext*>(context);
  WolfIo* self = shared->owner;
  if (shared->ended) return size;  // wolfSSL sends some alerts twice
  const std::span<const uint8_t> bytes{reinterpret_cast<const uint8_t*>(from),
                                       static_cast<size_t>(size)};
  try {
    self->io.output().append(bytes);
  } catch (const std::bad_alloc&) {  // the exception must not pass through wolfSSL's C code
    self->outOfMemory = true;
    return WOLFSSL_CBIO_ERR_GENERAL;
  }
  if (!self->established || mayBeAlert(bytes)) noteAlert(ssl, *shared);
  return size;
}

int WolfIo::onRecv(WOLFSSL*, char* into, int size, void* context) {
  return static_cast<TlsIoContext*>(context)->owner->feed(into, size);
}

int WolfIo::feed(char* into, int size) {
  if (input.empty()) return WOLFSSL_CBIO_ERR_WANT_READ;
  // Refuse only between two records, because there wolfSSL does not send an alert of its own
  // choice.
  if (partial_ == 0) {
    if (guard != nullptr) {
      if (const int error = guard->beforeRecord(); error != 0) return error;
    } else if (idle.flooded(io.now())) {
      flood = true;
      return WOLFSSL_CBIO_ERR_GENERAL;
    }
  }
  const size_t n = std::min(input.size(), static_cast<size_t>(size));
  std::memcpy(into, input.data(), n);
  countFraming(input.first(n));
  input = input.subspan(n);
  return static_cast<int>(n);
}

/// Reads the record headers in the bytes that are passed to wolfSSL. Counts the bytes of an
/// unfinished record that wolfSSL holds, and the number of records in a row without payload.
void WolfIo::countFraming(std::span<const uint8_t> bytes) {
  // wolfSSL requests a record's header and body in separate calls.
  for (size_t i = 0; i < bytes.size();) {
    if (partial_ < kRecordHeader) {
      if (partial_ == 3) bodyLeft_ = static_cast<uint32_t>(bytes[i]) << 8;
      if (partial_ == 4) bodyLeft_ |= bytes[i];
      ++partial_;
      ++i;
      if (partial_ == kRecordHeader && established) idle.add(io.now());
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
