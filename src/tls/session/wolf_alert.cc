// SPDX-License-Identifier: GPL-3.0-or-later
// See wolf_alert.h. No other file uses SendAlert(), which wolfSSL does not export.
#include "tls/session/wolf_alert.h"

#include "tls/library/wolfssl.h"
#include "tls/protocol/alert_number.h"
#include "tls/session/tls_context.h"

// SendAlert() is not in wolfSSL's public headers. A static library contains SendAlert(), but a
// shared library hides it. With a shared library, culvert cannot send alerts of its own.
extern "C" int SendAlert(WOLFSSL* ssl, int severity, int type) __attribute__((weak));

namespace culvert {

namespace {

constexpr int kFatal = 2;

}  // namespace

AlertsSeen alertsSeen(WOLFSSL* ssl) {
  AlertsSeen seen;
  WOLFSSL_ALERT_HISTORY history{};
  if (wolfSSL_get_alert_history(ssl, &history) != WOLFSSL_SUCCESS) return seen;
  auto number = [](int code) { return static_cast<uint8_t>(code); };
  if (history.last_tx.level == kFatal && history.last_tx.code >= 0)
    seen.sent = number(history.last_tx.code);
  if (history.last_rx.code < 0) return seen;
  // TLS 1.3 ignores the level of an alert (RFC 8446 6). Every alert except close_notify and
  // user_canceled is an error.
  bool tls13 = wolfSSL_GetVersion(ssl) == WOLFSSL_TLSV1_3;
  int code = history.last_rx.code;
  if (history.last_rx.level == kFatal ||
      (tls13 && code != Alert::close_notify && code != Alert::user_canceled))
    seen.received = number(code);
  return seen;
}

AlertsSeen alertsSeen(WOLFSSL* ssl, const TlsIoContext& io) {
  AlertsSeen seen = alertsSeen(ssl);
  if (io.ended) seen.sent = io.alert;
  return seen;
}

std::optional<uint8_t> sendFatalAlert(WOLFSSL* ssl, uint8_t alert) {
  AlertsSeen seen = alertsSeen(ssl);
  if (seen.sent) return seen.sent;
  if (!canSendAlerts() || SendAlert(ssl, kFatal, alert) != 0) return std::nullopt;
  return alert;
}

bool canSendAlerts() { return SendAlert != nullptr; }

void noteAlert(WOLFSSL* ssl, TlsIoContext& io) {
  WOLFSSL_ALERT_HISTORY history{};
  if (wolfSSL_get_alert_history(ssl, &history) != WOLFSSL_SUCCESS) return;
  if (history.last_tx.level != kFatal || history.last_tx.code < 0) return;
  io.ended = true;
  io.alert = static_cast<uint8_t>(history.last_tx.code);
}

std::array<uint8_t, 7> fatalAlertRecord(uint8_t alert) { return {21, 3, 3, 0, 2, kFatal, alert}; }

}  // namespace culvert
