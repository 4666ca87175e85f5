// SPDX-License-Identifier: GPL-3.0-or-later
// See history.h.
#include "admin/history.h"

#include "admin/json.h"

namespace culvert {
namespace {

uint64_t failedHandshakes(const CounterSnapshot& counters) {
  uint64_t sum = 0;
  for (const Counter counter :
       {Counter::kHandshakesAlert, Counter::kHandshakesTimeout, Counter::kHandshakesBadHello,
        Counter::kHandshakesNoCommon, Counter::kHandshakesClientAuth, Counter::kHandshakesClosed,
        Counter::kHandshakesOther})
    sum += counters.get(counter);
  return sum;
}

template <class Value>
Json orNull(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

}  // namespace

History::Totals History::totalsOf(const CounterSnapshot& counters) {
  return {.accepted = counters.get(Counter::kAccepted),
          .in = counters.get(Counter::kBytesInbound),
          .out = counters.get(Counter::kBytesOutbound),
          .ok = counters.get(Counter::kHandshakesOk),
          .resumed = counters.get(Counter::kHandshakesResumed),
          .failed = failedHandshakes(counters)};
}

void History::sample(const CounterSnapshot& counters, const TimingSnapshot& timings,
                     WallTime time) {
  const Totals now = totalsOf(counters);
  if (begun_) {
    const TimingTotals full =
        timings.get(Timing::kHandshakeFull).since(timingsBefore_.get(Timing::kHandshakeFull));
    const uint64_t resumed = now.resumed - before_.resumed;
    samples_.push_back(
        {.time = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count(),
         .tunnels = counters.get(Counter::kTunnelsActive),
         .accepted = now.accepted - before_.accepted,
         .in = now.in - before_.in,
         .out = now.out - before_.out,
         .full = now.ok - before_.ok - resumed,
         .resumed = resumed,
         .failed = now.failed - before_.failed,
         .p50 = full.quantileMicros(0.5),
         .p99 = full.quantileMicros(0.99)});
    if (samples_.size() > kSamples) samples_.pop_front();
  }
  before_ = now;
  timingsBefore_ = timings;
  begun_ = true;
}

std::string History::json() const {
  Json samples = Json::array();
  for (const Sample& one : samples_)
    samples.push_back({one.time, one.tunnels, one.accepted, one.in, one.out, one.full, one.resumed,
                       one.failed, orNull(one.p50), orNull(one.p99)});
  return jsonText(
      {{"interval_s", 1},
       {"fields",
        {"time", "tunnels", "accepted", "bytes_in", "bytes_out", "handshakes_full",
         "handshakes_resumed", "handshakes_failed", "handshake_p50_us", "handshake_p99_us"}},
       {"samples", std::move(samples)}});
}

}  // namespace culvert
