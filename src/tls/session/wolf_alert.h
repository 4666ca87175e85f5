// SPDX-License-Identifier: GPL-3.0-or-later
// The alert that ends a session. culvert sends exactly one fatal alert: the first one that wolfSSL
// or culvert requests. wolfSSL sends most alerts by itself, some twice and some never;
// sendFatalAlert() sends those that it does not send. Thread: loop.
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
/// wolfSSL remembers the last alert sent; `io` has the first, which is the one that the peer got.
AlertsSeen alertsSeen(WOLFSSL* ssl, const TlsIoContext& io);

/// Sends a fatal alert through the session's send callback, unless one was sent already. Returns
/// the last alert that wolfSSL remembers, or nothing if none could be sent. The peer got the first
/// one: see alertsSeen() with the session's `io`.
///
/// A wolfSSL callback that refuses (a certificate) calls this first. The alert that wolfSSL then
/// chooses comes second, and culvert discards it.
std::optional<uint8_t> sendFatalAlert(WOLFSSL* ssl, uint8_t alert);

/// Whether this build of wolfSSL supports sendFatalAlert().
bool canSendAlerts();

/// For the send callback, which sees every record: stores in `io` the fatal alert, if any, in the
/// record just sealed. After that TLS has ended and nothing more may be sent (RFC 8446 6.2).
void noteAlert(WOLFSSL* ssl, TlsIoContext& io);

/// A plaintext record with a fatal alert, for refusals before records are encrypted.
std::array<uint8_t, 7> fatalAlertRecord(uint8_t alert);

}  // namespace culvert
