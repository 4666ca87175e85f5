// SPDX-License-Identifier: GPL-3.0-or-later
// The alert that ends a session: exactly one fatal alert leaves, and it is the first that anybody
// has asked for. wolfSSL sends most of them by itself, some twice and some never; what it does not
// send, sendFatalAlert() does. Thread: loop.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

struct WOLFSSL;

namespace culvert {

struct TlsIoContext;

/// The fatal alerts of a session (received: also close_notify, 0, where it was fatal).
struct AlertsSeen {
  std::optional<uint8_t> sent;
  std::optional<uint8_t> received;
};
AlertsSeen alertsSeen(WOLFSSL* ssl);
/// The library remembers the last one that was sent, `io` the first, which is what the peer got.
AlertsSeen alertsSeen(WOLFSSL* ssl, const TlsIoContext& io);

/// Sends a fatal alert through the session's send callback, unless one has been sent already; the
/// number that the library remembers, which is its last one: alertsSeen() with the session's `io`
/// knows the first, which the peer got. Nothing: none could be sent. A callback of wolfSSL that
/// refuses (a certificate) calls this before it does: the alert that wolfSSL then chooses comes
/// second and is discarded.
std::optional<uint8_t> sendFatalAlert(WOLFSSL* ssl, uint8_t alert);

/// Whether this build of the library lets sendFatalAlert() do its work.
bool canSendAlerts();

/// For the send callback, which sees every record: notes in `io` which fatal alert, if any, the
/// record just sealed was. From then on TLS has ended and nothing more may leave (RFC 8446 6.2).
void noteAlert(WOLFSSL* ssl, TlsIoContext& io);

/// A ready-made plaintext record with a fatal alert, for refusing while nothing is protected.
std::array<uint8_t, 7> fatalAlertRecord(uint8_t alert);

}  // namespace culvert
