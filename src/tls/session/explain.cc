// SPDX-License-Identifier: GPL-3.0-or-later
// See explain.h.
#include "tls/session/explain.h"

#include <fmt/format.h>

#include "tls/library/wolf_error.h"
#include "tls/library/wolfssl.h"
#include "tls/protocol/alert_number.h"
#include "tls/protocol/tls_names.h"

namespace culvert {

namespace {

std::string_view alertWords(uint8_t alert) {
  switch (alert) {
#define ALERT(number, name, words) \
  case number:                     \
    return words;
#include "tls/protocol/tls_alert.def"
#undef ALERT
    default:
      return "it gives no known reason";
  }
}

CloseReason received(uint8_t alert, bool handshake) {
  const std::string name = alertName(alert);
  CloseReason failure{CloseCause::kTlsReceived, name, ""};
  if (!handshake) {
    failure.detail =
        fmt::format("client ended the session: {} (alert {})", alertWords(alert), name);
    return failure;
  }
  switch (alert) {
    case Alert::unknown_ca:
    case Alert::bad_certificate:
    case Alert::certificate_unknown:
      failure.detail = fmt::format("client does not trust our certificate (alert {})", name);
      break;
    case Alert::certificate_expired:
      failure.detail = fmt::format(
          "client says that our certificate has expired (alert {}); its clock may be wrong", name);
      break;
    default:
      failure.detail =
          fmt::format("client refused the handshake: {} (alert {})", alertWords(alert), name);
      break;
  }
  return failure;
}

CloseReason failed(int wolfError, std::string why) {
  return {CloseCause::kTlsError, std::string(tlsErrorName(wolfError)), std::move(why)};
}

}  // namespace

CloseReason alertSent(uint8_t alert, std::string why) {
  return {CloseCause::kTlsSent, alertName(alert), std::move(why)};
}

CloseReason explainHandshakeFailure(int wolfError, const AlertsSeen& alerts) {
  if (alerts.received) return received(*alerts.received, true);
  std::string reason;
  switch (classifyError(wolfError)) {
    case TlsEvent::kTruncated:
    case TlsEvent::kCleanEnd:
      reason = "client closed the connection during the handshake";
      break;
    case TlsEvent::kReset:
      reason = "client's connection was lost during the handshake";
      break;
    default:
      reason = tlsErrorText(wolfError);
      break;
  }
  return alerts.sent ? alertSent(*alerts.sent, std::move(reason))
                     : failed(wolfError, std::move(reason));
}

CloseReason explainHello(const HelloResult& result) {
  return alertSent(result.alert, std::string(result.reason));
}

CloseReason explainVerdict(const HelloVerdict& verdict) {
  return alertSent(verdict.alert, verdict.reason);
}

CloseReason explainSessionFailure(int wolfError, const AlertsSeen& alerts) {
  // Ignore alerts received unencrypted, because anyone on the path could have sent them. wolfSSL
  // stores the number of an unencrypted alert, although it rejects the record.
  if (alerts.received && !alerts.sent) return received(*alerts.received, false);
  std::string reason = tlsErrorText(wolfError);
  if (wolfError == INCOMPLETE_DATA)
    reason = "a message is split over records, which wolfSSL does not reassemble";
  else if (wolfError == PARSE_ERROR && alerts.received)
    reason = "the client sent an unencrypted alert";
  return alerts.sent ? alertSent(*alerts.sent, std::move(reason))
                     : failed(wolfError, std::move(reason));
}

}  // namespace culvert
