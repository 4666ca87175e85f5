// SPDX-License-Identifier: GPL-3.0-or-later
// The alert that ends a session. culvert sends exactly one fatal alert: the first alert that
// wolfSSL or culvert requests. wolfSSL sends most alerts by itself, some of them twice.
// sendFatalAlert() sends the alerts that wolfSSL does not send. Thread: loop.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

struct WOLFSSL;

namespace culvert {

struct TlsIoContext;

/// The fatal alerts of a session. `received` may also be close_notify (0), if it was fatal.
struct AlertsSeen {
  std::optional<uint8_t> sent;
  std::optional<uint8_t> received;
};
AlertsSeen alertsSeen(WOLFSSL* ssl);
/// Takes the alert sent from `io`. `io` has the first alert, which the peer got; wolfSSL remembers
/// only the last alert.
AlertsSeen alertsSeen(WOLFSSL* ssl, const TlsIoContext& io);

/// Sends a fatal alert through the session's send callback, unless wolfSSL has sent a fatal alert
/// before. Returns the last alert that wolfSSL sent, or nothing if the alert could not be sent. For
/// the alert that the peer got, see alertsSeen() with the session's `io`.
///
/// A wolfSSL callback that refuses a certificate calls this function first. wolfSSL then sends its
/// own alert as the second alert, and culvert discards the second alert.
std::optional<uint8_t> sendFatalAlert(WOLFSSL* ssl, uint8_t alert);

/// Whether this build of wolfSSL supports sendFatalAlert().
bool canSendAlerts();

/// Call in the send callback for every record. If wolfSSL has sealed a fatal alert, stores the
/// alert in `io`. Nothing may be sent after a fatal alert (RFC 8446 6.2).
void noteAlert(WOLFSSL* ssl, TlsIoContext& io);

/// A plaintext record with a fatal alert, for a refusal before records are encrypted.
std::array<uint8_t, 7> fatalAlertRecord(uint8_t alert);

}  // namespace culvert
