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

TlsFailure received(uint8_t alert, bool handshake) {
  TlsFailure failure;
  std::string name = alertName(alert);
  failure.cause = "tls-received:" + name;
  if (!handshake) {
    failure.reason =
        fmt::format("client ended the session: {} (alert {})", alertWords(alert), name);
    return failure;
  }
  switch (alert) {
    case Alert::unknown_ca:
    case Alert::bad_certificate:
    case Alert::certificate_unknown:
      failure.reason = fmt::format("client does not trust our certificate (alert {})", name);
      break;
    case Alert::certificate_expired:
      failure.reason = fmt::format(
          "client says that our certificate has expired (alert {}); its clock may be wrong", name);
      break;
    default:
      failure.reason =
          fmt::format("client refused the handshake: {} (alert {})", alertWords(alert), name);
      break;
  }
  return failure;
}

TlsFailure sent(uint8_t alert, std::string reason) {
  return {"tls-sent:" + alertName(alert), std::move(reason)};
}

TlsFailure failed(int wolfError, std::string reason) {
  return {fmt::format("tls-error:{}", tlsErrorName(wolfError)), std::move(reason)};
}

}  // namespace

TlsFailure explainHandshakeFailure(int wolfError, const AlertsSeen& alerts) {
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
  return alerts.sent ? sent(*alerts.sent, std::move(reason)) : failed(wolfError, std::move(reason));
}

TlsFailure explainHello(const HelloResult& result) {
  return sent(result.alert, std::string(result.reason));
}

TlsFailure explainVerdict(const HelloVerdict& verdict) {
  return sent(verdict.alert, verdict.reason);
}

TlsFailure explainSessionFailure(int wolfError, const AlertsSeen& alerts) {
  // What came in the clear is nobody's word: the library keeps its number and refuses it.
  if (alerts.received && !alerts.sent) return received(*alerts.received, false);
  std::string reason = tlsErrorText(wolfError);
  if (wolfError == INCOMPLETE_DATA)
    reason = "a message is cut over records, which the library does not join";
  else if (wolfError == PARSE_ERROR && alerts.received)
    reason = "an alert came in the clear";
  return alerts.sent ? sent(*alerts.sent, std::move(reason)) : failed(wolfError, std::move(reason));
}

}  // namespace culvert
