// SPDX-License-Identifier: GPL-3.0-or-later
// See state_dump.h.
#include "server/state_dump.h"

#include "certs/certificate_keeper.h"
#include "worker/backend_report.h"

namespace culvert {

void dumpState(ServerParts& parts, bool draining) {
  CounterSnapshot snapshot = parts.registry.snapshot();
  const LogCounts log = parts.logger.counts();
  snapshot.set(Counter::kLogLinesWritten, log.written);
  snapshot.set(Counter::kLogLinesDropped, log.dropped);
  snapshot.set(Counter::kLogLinesSuppressed, log.suppressed);
  CertificateKeeper::count(parts.runtime, snapshot);
  for (const auto& worker : parts.workers) {
    parts.logger.log(LogLine(LogLevel::kNotice, "state")
                         .add("worker", worker->name())
                         .add("tunnels", worker->load()));
  }
  const auto listening = draining ? std::vector<BoundListener>() : parts.listeners.report();
  for (const BoundListener& listener : listening) {
    parts.logger.log(LogLine(LogLevel::kNotice, "state")
                         .add("service", listener.service)
                         .add("listening", listener.address));
  }
  uint64_t backendsDown = 0;
  for (const RuntimeService& one : parts.runtime.services) {
    backendsDown += one.service->profile->connect.pool->downCount(parts.loop.now());
    for (const LogLine& line : backendStateLines(one.service->profile->connect, parts.loop.now()))
      parts.logger.log(line);
  }
  snapshot.set(Counter::kBackendsDown, backendsDown);
  snapshot.set(Counter::kOcspResponsesHeld, parts.staples.dump());
  const auto counts = namedCounts(snapshot, kCloseCauseNames);
  LogLine line(LogLevel::kNotice, "counters");
  for (const NamedCount& count : counts) line.add(count.name, count.value);
  parts.logger.log(line);
}

}  // namespace culvert
