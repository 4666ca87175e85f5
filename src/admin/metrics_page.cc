// SPDX-License-Identifier: GPL-3.0-or-later
// See metrics_page.h.
#include "admin/metrics_page.h"

#include <ctime>
#include <unordered_map>

#include "admin/certificate_rows.h"
#include "admin/problems.h"
#include "admin/prometheus.h"
#include "worker/backend_report.h"

namespace culvert {
namespace {

double unixTime(WallTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

std::vector<BackendMetrics> backendsOf(const Service& service, TimePoint now) {
  std::vector<BackendMetrics> rows;
  const BackendPool& pool = *service.profile->connect.pool;
  for (const BackendState& state : pool.report(now)) {
    const std::string_view status = backendWords(pool, state).status;
    const std::string address = state.address.isSet() ? state.address.text() : state.name;
    rows.push_back({.address = address,
                    .name = address == state.name ? std::string() : state.name,
                    .up = status == "up",
                    .ejected = state.ejectedUntil != TimePoint{},
                    .checkFailed = state.check == CheckState::kDown,
                    .tunnels = state.open});
  }
  return rows;
}

}  // namespace

std::string metricsPage(const AdminParts& parts, const AdminView& view,
                        const CounterSnapshot& counters, TimePoint now) {
  const int64_t wall = std::time(nullptr);
  MetricsInput input{.counters = counters,
                     .timings = parts.registry.timings(),
                     .services = {},
                     .mailboxDepths = {},
                     .ticketKeyAges = {},
                     .process = readProcessInfo(),
                     .version = view.version,
                     .tlsLibrary = view.tls,
                     .configLoaded = unixTime(view.loaded),
                     .configFingerprint = view.fingerprint};
  input.process.started = unixTime(view.started);
  for (const Worker* worker : parts.workers) input.mailboxDepths.push_back(worker->mailboxDepth());
  std::unordered_map<std::string_view, const RuntimeService*> inForce;
  for (const RuntimeService& one : view.runtime.services) inForce.emplace(one.name(), &one);
  // The rows contain removed services that still have tunnels, too.
  for (ServiceCountsTable::Row& row : parts.serviceCounts.rows()) {
    ServiceMetrics& made = input.services.emplace_back();
    made.counts = row.totals;
    const auto found = inForce.find(row.service);
    made.state = ServiceState::kDraining;
    if (found != inForce.end()) {
      const RuntimeService& one = *found->second;
      made.state = judgeService(view, *one.service, now).condition;
      made.certificateSecondsLeft = secondsLeft(one, wall);
      made.backends = backendsOf(*one.service, now);
    }
    made.name = std::move(row.service);
  }
  return prometheusText(input);
}

}  // namespace culvert
