// SPDX-License-Identifier: GPL-3.0-or-later
// See status_json.h.
#include "admin/status_json.h"

#include <unistd.h>

#include "admin/json.h"
#include "admin/reload_json.h"

namespace culvert {
namespace {

Json verdictJson(const Verdict& verdict) { return {{"ok", verdict.ok}, {"why", verdict.why}}; }

int64_t secondsSinceEpoch(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

Json workersJson(const StatusInput& in) {
  const auto micros =
      static_cast<uint64_t>(std::chrono::duration_cast<Micros>(in.now.time_since_epoch()).count());
  Json list = Json::array();
  for (const Worker* worker : in.parts.workers) {
    const uint64_t since = worker->busySinceMicros();
    list.push_back({{"worker", worker->name()},
                    {"tunnels", worker->load()},
                    {"busy_ms", since == 0 || since > micros ? 0 : (micros - since) / 1000}});
  }
  return list;
}

Json listenersJson(const AdminView& view) {
  Json list = Json::array();
  for (const AdminListener& listener : view.listeners)
    for (const auto& service : listener.services)
      list.push_back({{"service", service->profile->name},
                      {"address", listener.address},
                      {"away", listener.away}});
  return list;
}

Json tunnelsJsonOf(const StatusInput& in) {
  Json states;
  for (size_t i = 0; i < std::size(kTunnelStateNames); ++i)
    states[std::string(kTunnelStateNames[i])] = in.counters.state(i);
  return {{"open", in.parts.budget.open()}, {"limit", in.view.maxTunnels}, {"states", states}};
}

Json problemsJson(const StatusInput& in) {
  Json list = Json::array();
  for (const Problem& one : problemsOf(in.view, in.counters, in.now, secondsSinceEpoch(in.wall)))
    list.push_back({{"severity", one.error ? "error" : "warning"},
                    {"service", one.service},
                    {"text", one.text}});
  return list;
}

Json recentJson(const StatusInput& in) {
  Json list = Json::array();
  for (const RecentLines::Entry& entry : in.recent)
    list.push_back({{"time", renderTime(entry.time)},
                    {"level", logLevelName(entry.level)},
                    {"text", entry.text},
                    {"count", entry.count}});
  return list;
}

Json timingsJson(const TimingSnapshot& timings) {
  Json all;
  for (size_t i = 0; i < kTimingCount; ++i) {
    const auto timing = static_cast<Timing>(i);
    const TimingTotals& totals = timings.get(timing);
    Json one{{"count", totals.count()}, {"sum_us", totals.sumMicros()}};
    for (const auto& [key, share] : {std::pair("p50_us", 0.5), {"p90_us", 0.9}, {"p99_us", 0.99}}) {
      const auto micros = totals.quantileMicros(share);
      one[key] = micros ? Json(*micros) : Json(nullptr);
    }
    all[std::string(timingInfo(timing).name)] = std::move(one);
  }
  return all;
}

void addCounters(Json& document, const CounterSnapshot& snapshot) {
  Json counters, causes = Json::object();
  constexpr std::string_view kCausePrefix = "closed_by_cause.";
  for (const NamedCount& one : namedCounts(snapshot, kCloseCauseNames)) {
    if (one.name.starts_with(kCausePrefix))
      causes[one.name.substr(kCausePrefix.size())] = one.value;
    else
      counters[one.name] = one.value;
  }
  document["counters"] = std::move(counters);
  document["closed_by_cause"] = std::move(causes);
}

}  // namespace

std::string statusJson(const StatusInput& in) {
  const AdminView& view = in.view;
  Json document;
  document["version"] = view.version;
  document["tls"] = view.tls;
  document["process"] = ::getpid();
  document["started"] = renderTime(view.started);
  document["uptime_s"] = secondsSinceEpoch(in.wall) - secondsSinceEpoch(view.started);
  document["file"] = view.file;
  document["fingerprint"] = view.fingerprint;
  document["ticket_secret"] = view.ticketIds;
  document["ready"] = verdictJson(readiness(view));
  document["live"] = verdictJson(in.live);
  document["draining"] = view.draining;
  document["workers"] = workersJson(in);
  document["tunnels"] = tunnelsJsonOf(in);
  document["services"] = view.runtime.services.size();
  document["listening"] = listenersJson(view);
  document["log_level"] = logLevelName(view.log.level);
  document["log_level_until"] = nullptr;
  if (view.log.until) document["log_level_until"] = renderTime(*view.log.until);
  document["loaded"] = renderTime(view.loaded);
  document["last_reload"] =
      view.lastReload != nullptr ? reloadDocument(*view.lastReload) : Json(nullptr);
  document["problems"] = problemsJson(in);
  document["recent"] = recentJson(in);
  addCounters(document, in.counters);
  document["timings"] = timingsJson(in.timings);
  return jsonText(document);
}

}  // namespace culvert
