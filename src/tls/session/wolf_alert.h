// SPDX-License-Identifier: GPL-3.0-or-later
// Records and sends the fatal alert that ends a session. culvert sends exactly one fatal alert, the
// first that wolfSSL or culvert requests. wolfSSL sends most alerts by itself, and some of them
// twice. sendFatalAlert() sends the alerts that wolfSSL does not send. Thread: loop.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

struct WOLFSSL;

namespace culvert {

struct TlsIoContext;

/// The fatal alerts that a session sent and received. `received` may also be a close_notify (0)
/// with the level fatal.
struct AlertsSeen {
  std::optional<uint8_t> sent;
  std::optional<uint8_t> received;
};
AlertsSeen alertsSeen(WOLFSSL* ssl);
/// Like the other alertsSeen(), but reads the sent alert from `io`. `io` has the first fatal alert,
/// the only one that the peer got. wolfSSL remembers only the last alert.
AlertsSeen alertsSeen(WOLFSSL* ssl, const TlsIoContext& io);

/// Sends a fatal alert through the session's send callback, unless wolfSSL has already sent a fatal
/// alert. Returns the last alert that was sent, or nothing if the alert could not be sent. Only the
/// first fatal alert reaches the peer; alertsSeen() with the session's `io` returns the first.
///
/// A wolfSSL callback that refuses a certificate must call sendFatalAlert() before it returns.
/// Afterwards wolfSSL sends its own alert as a second alert, and culvert discards the second alert.
std::optional<uint8_t> sendFatalAlert(WOLFSSL* ssl, uint8_t alert);

/// Returns whether sendFatalAlert() works with this build of wolfSSL.
bool canSendAlerts();

/// Call in the send callback for every record. If wolfSSL has sealed a fatal alert, stores the
/// alert in `io`. Nothing may be sent after a fatal alert (RFC 8446 6.2).
void noteAlert(WOLFSSL* ssl, TlsIoContext& io);

/// Returns a plaintext record with a fatal alert, for a refusal before records are encrypted.
std::array<uint8_t, 7> fatalAlertRecord(uint8_t alert);

}  // namespace culvert
