// SPDX-License-Identifier: GPL-3.0-or-later
// See session_meter.h.
#include "worker/session_meter.h"

namespace culvert {
namespace {

struct NumberedAlert {
  std::string_view name;
  uint8_t number;
};
constexpr NumberedAlert kNumberedAlerts[] = {
#define ALERT(number, name, words) {#name, number},
#include "tls/protocol/tls_alert.def"
#undef ALERT
};
constexpr bool alertsFit() {
  for (const NumberedAlert& alert : kNumberedAlerts)
    if (alert.number >= kMaxAlerts) return false;
  return true;
}
static_assert(alertsFit());

}  // namespace

OpeningSpans openingSpans(const TunnelTimes& times) {
  OpeningSpans spans;
  const bool connected = times.connected != TimePoint{};
  const bool shaken = times.handshakeDone != TimePoint{};
  // With a starttls in which the server greets first, the client's handshake follows the connect.
  const bool later = connected && times.handshakeDone > times.connected;
  if (shaken) spans.handshake = times.handshakeDone - (later ? times.connected : times.accepted);
  if (!connected) return spans;
  spans.connect = times.connected - (later || !shaken ? times.accepted : times.handshakeDone);
  if (times.opened != TimePoint{}) spans.backendHandshake = times.opened - times.connected;
  if (times.firstBackendByte != TimePoint{})
    spans.firstByte = times.firstBackendByte - times.connected;
  return spans;
}

void SessionMeter::note(const TunnelTimes& times, const EndFacts& facts) {
  const OpeningSpans spans = openingSpans(times);
  if (!handshake_ && facts.clientTls && spans.handshake) noteHandshake(spans, facts);
  if (!connect_ && spans.connect) {
    connect_ = true;
    counters_.record(Timing::kConnect, *spans.connect);
  }
  if (!backendHandshake_ && facts.backendTls && spans.backendHandshake) {
    backendHandshake_ = true;
    counters_.record(Timing::kBackendHandshake, *spans.backendHandshake);
  }
  if (!firstByte_ && spans.firstByte) {
    firstByte_ = true;
    counters_.record(Timing::kFirstByte, *spans.firstByte);
  }
}

void SessionMeter::noteHandshake(const OpeningSpans& spans, const EndFacts& facts) {
  handshake_ = true;
  add(ServiceCount::kHandshakesOk);
  if (facts.resumed) add(ServiceCount::kHandshakesResumed);
  counters_.record(facts.resumed ? Timing::kHandshakeResumed : Timing::kHandshakeFull,
                   *spans.handshake);
}

void SessionMeter::noteBlocked(const Tunnel& tunnel) {
  if (tunnel.times().opened == TimePoint{}) return;
  const TimePoint ended = tunnel.times().ended;
  counters_.record(Timing::kBlockedClient, tunnel.outbound().blockedFor(ended));
  counters_.record(Timing::kBlockedBackend, tunnel.inbound().blockedFor(ended));
}

void countRefusal(CloseCause cause, ServiceCell& cell) {
  if (cause == CloseCause::kLimit || cause == CloseCause::kDenied)
    cell.add(ServiceCount::kRefused);
  else if (cause == CloseCause::kBackendEjected)
    cell.add(ServiceCount::kBackendFailures);
}

void countAlert(const CloseReason& reason, CounterBlock& counters) {
  if (reason.cause != CloseCause::kTlsSent && reason.cause != CloseCause::kTlsReceived) return;
  for (const NumberedAlert& alert : kNumberedAlerts) {
    if (alert.name != reason.word) continue;
    return counters.addAlert(
        reason.cause == CloseCause::kTlsReceived ? AlertFrom::kClient : AlertFrom::kCulvert,
        alert.number);
  }
}

}  // namespace culvert
