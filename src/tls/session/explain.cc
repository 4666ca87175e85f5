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

std::string_view wordFor(TlsPeer peer) { return peer == TlsPeer::kClient ? "client" : "backend"; }

/// Returns the words of tls_error.def, which name the client, for a session with `peer`.
std::string errorWords(int wolfError, TlsPeer peer) {
  constexpr std::string_view kClientWord = "client";
  std::string text = tlsErrorText(wolfError);
  if (peer == TlsPeer::kClient) return text;
  const std::string_view who = wordFor(peer);
  for (size_t at = text.find(kClientWord); at != std::string::npos;
       at = text.find(kClientWord, at + who.size()))
    text.replace(at, kClientWord.size(), who);
  return text;
}

CloseReason received(uint8_t alert, bool handshake, TlsPeer peer) {
  const std::string name = alertName(alert);
  const std::string_view who = wordFor(peer);
  CloseReason failure{CloseCause::kTlsReceived, name, ""};
  if (!handshake) {
    failure.detail =
        fmt::format("{} ended the session: {} (alert {})", who, alertWords(alert), name);
    return failure;
  }
  switch (alert) {
    case Alert::unknown_ca:
    case Alert::bad_certificate:
    case Alert::certificate_unknown:
      failure.detail = fmt::format("{} does not trust our certificate (alert {})", who, name);
      break;
    case Alert::certificate_expired:
      failure.detail = fmt::format(
          "{} says that our certificate has expired (alert {}); its clock may be wrong", who, name);
      break;
    default:
      failure.detail =
          fmt::format("{} refused the handshake: {} (alert {})", who, alertWords(alert), name);
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

CloseReason alertReceived(uint8_t alert, TlsPeer peer) { return received(alert, false, peer); }

CloseReason explainHandshakeFailure(int wolfError, const AlertsSeen& alerts, TlsPeer peer) {
  if (alerts.received) return received(*alerts.received, true, peer);
  std::string reason;
  switch (classifyError(wolfError)) {
    case TlsEvent::kTruncated:
    case TlsEvent::kCleanEnd:
      reason = fmt::format("{} closed the connection during the handshake", wordFor(peer));
      break;
    case TlsEvent::kReset:
      reason = fmt::format("{}'s connection was lost during the handshake", wordFor(peer));
      break;
    default:
      reason = errorWords(wolfError, peer);
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

CloseReason explainSessionFailure(int wolfError, const AlertsSeen& alerts, TlsPeer peer) {
  // Ignore alerts received unencrypted, because anyone on the path could have sent them. wolfSSL
  // stores the number of an unencrypted alert, although it rejects the record.
  if (alerts.received && !alerts.sent) return received(*alerts.received, false, peer);
  std::string reason = errorWords(wolfError, peer);
  if (wolfError == INCOMPLETE_DATA)
    reason = "a message is split over records, which wolfSSL does not reassemble";
  else if (wolfError == PARSE_ERROR && alerts.received)
    reason = fmt::format("the {} sent an unencrypted alert", wordFor(peer));
  return alerts.sent ? alertSent(*alerts.sent, std::move(reason))
                     : failed(wolfError, std::move(reason));
}

CloseCause causeFor(CloseCause cause, TlsPeer peer) {
  if (peer == TlsPeer::kClient) return cause;
  switch (cause) {
    case CloseCause::kTlsSent:
      return CloseCause::kBackendTlsSent;
    case CloseCause::kTlsReceived:
      return CloseCause::kBackendTlsReceived;
    case CloseCause::kTlsError:
      return CloseCause::kBackendTlsError;
    default:
      return cause;
  }
}

}  // namespace culvert
