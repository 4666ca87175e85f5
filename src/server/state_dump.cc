// SPDX-License-Identifier: GPL-3.0-or-later
// See state_dump.h.
#include "server/state_dump.h"

#include "admin/counter_report.h"
#include "worker/backend_report.h"

namespace culvert {

void dumpState(ServerParts& parts, bool draining) {
  const CounterSnapshot snapshot =
      completeCounters(parts.registry, parts.logger, parts.runtime, parts.loop.now());
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
  for (const RuntimeService& one : parts.runtime.services) {
    for (const LogLine& line : backendStateLines(one.service->profile->connect, parts.loop.now()))
      parts.logger.log(line);
  }
  parts.staples.dump();
  const auto counts = namedCounts(snapshot, kCloseCauseNames);
  LogLine line(LogLevel::kNotice, "counters");
  for (const NamedCount& count : counts) line.add(count.name, count.value);
  parts.logger.log(line);
}

}  // namespace culvert
