// SPDX-License-Identifier: GPL-3.0-or-later
// See overseer.h.
#include "server/overseer.h"

#include <malloc.h>

#include <chrono>

#include "worker/backend_report.h"

namespace culvert {
namespace {

// A turn longer than this delays the worker's other tunnels noticeably.
constexpr uint64_t kLateTurnMicros = 1'000'000;

}  // namespace

void Overseer::onTick() {
  watchTurns();
  watchMemory();
  tellBackendNews();
}

void Overseer::watchTurns() {
  const auto now = static_cast<uint64_t>(
      std::chrono::duration_cast<Micros>(parts_.loop.now().time_since_epoch()).count());
  reportedTurns_.resize(parts_.workers.size());
  for (size_t i = 0; i < parts_.workers.size(); ++i) {
    const uint64_t since = parts_.workers[i]->busySinceMicros();
    if (since == 0 || now < since + kLateTurnMicros || reportedTurns_[i] == since) continue;
    reportedTurns_[i] = since;
    parts_.counters.add(Counter::kLateTurns);
    parts_.logger.log(LogLine(LogLevel::kWarning, "worker stuck: event loop turn over 1 s")
                          .add("worker", parts_.workers[i]->name())
                          .add("busy_ms", (now - since) / 1000));
  }
}

/// After a burst the heaps are fragmented, and malloc keeps that memory. malloc_trim() locks and
/// walks the heap of each thread, which takes 0.5 to 1 ms after 1,000 closed tunnels. So culvert
/// calls malloc_trim() once per burst, on this thread. A worker waits only if it allocates while
/// malloc_trim() walks that worker's heap.
void Overseer::watchMemory() {
  if (!burst_.isOver(parts_.budget.takeMost(), parts_.loop.now())) return;
  const TimePoint start = Clock::now();
  for (auto& worker : parts_.workers) worker->trimPool();
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  parts_.counters.add(Counter::kMemoryTrims);
  const auto took = std::chrono::duration_cast<Micros>(Clock::now() - start).count();
  parts_.logger.log(LogLine(LogLevel::kDebug, "memory returned to the system after a burst")
                        .add("tunnels", parts_.budget.open())
                        .add("took_us", took));
}

/// Logs backend changes that the rate limit has delayed, except changes that have been reversed, and
/// ejections that are over.
void Overseer::tellBackendNews() {
  for (const RuntimeService& one : parts_.runtime.services) {
    const ConnectorOptions& options = one.service->profile->connect;
    const BackendEvents events = options.pool->overdue(parts_.loop.now());
    for (const LogLine& line : backendEventLines(options, events)) parts_.logger.log(line);
  }
}

}  // namespace culvert
