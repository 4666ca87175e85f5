// SPDX-License-Identifier: GPL-3.0-or-later
// See counter_report.h.
#include "admin/counter_report.h"

#include <ctime>

#include "certs/certificate_keeper.h"

namespace culvert {
namespace {

/// How many served certificates have an OCSP response that culvert may send.
uint64_t staplesHeld(const Runtime& runtime, int64_t now) {
  uint64_t held = 0;
  for (const RuntimeService& one : runtime.services)
    for (const auto& unit : one.certificates)
      if (unit->credentials != nullptr && unit->credentials->staple().serving(now) != nullptr)
        ++held;
  return held;
}

}  // namespace

CounterSnapshot completeCounters(const CounterRegistry& registry, const Logger& logger,
                                 const Runtime& runtime, TimePoint now) {
  CounterSnapshot snapshot = registry.snapshot();
  const LogCounts log = logger.counts();
  snapshot.set(Counter::kLogLinesWritten, log.written);
  snapshot.set(Counter::kLogLinesDropped, log.dropped);
  snapshot.set(Counter::kLogLinesSuppressed, log.suppressed);
  CertificateKeeper::count(runtime, snapshot);
  uint64_t backendsDown = 0;
  for (const RuntimeService& one : runtime.services)
    backendsDown += one.service->profile->connect.pool->downCount(now);
  snapshot.set(Counter::kBackendsDown, backendsDown);
  snapshot.set(Counter::kOcspResponsesHeld, staplesHeld(runtime, std::time(nullptr)));
  return snapshot;
}

}  // namespace culvert
