// SPDX-License-Identifier: GPL-3.0-or-later
// See prometheus.h.
#include "admin/prometheus.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <span>
#include <utility>

#include "net/close_reason.h"
#include "stats/metric_text.h"
#include "tls/protocol/tls_names.h"
#include "tunnel/interest.h"

namespace culvert {
namespace {

enum class Metric : uint8_t {
#define METRIC(ident, name, type, labels, brief, detail) k##ident,
#include "admin/metrics.def"
#undef METRIC
};

struct MetricInfo {
  std::string_view name;
  MetricType type;
  std::string_view labels;
  std::string_view brief;
  std::string_view detail;
};

struct MetricTable {
  using enum MetricType;
  static constexpr MetricInfo kRows[] = {
#define METRIC(ident, name, type, labels, brief, detail) {name, type, labels, brief, detail},
#include "admin/metrics.def"
#undef METRIC
  };
};

/// Services beyond kMostListedServices. The configuration accepts no such name.
constexpr std::string_view kOtherServices = "_other";

MetricText& begin(MetricText& out, Metric metric) {
  const MetricInfo& info = MetricTable::kRows[static_cast<size_t>(metric)];
  return out.metric(info.name, info.type, info.brief);
}

void addFailures(MetricText& out, const CounterSnapshot& counters) {
  constexpr std::pair<std::string_view, Counter> kReasons[] = {
      {"alert", Counter::kHandshakesAlert},
      {"bad_hello", Counter::kHandshakesBadHello},
      {"client_auth", Counter::kHandshakesClientAuth},
      {"closed", Counter::kHandshakesClosed},
      {"no_common", Counter::kHandshakesNoCommon},
      {"other", Counter::kHandshakesOther},
      {"timeout", Counter::kHandshakesTimeout}};
  begin(out, Metric::kHandshakesFailed);
  for (const auto& [reason, counter] : kReasons)
    out.sample({{"reason", reason}}, counters.get(counter));
  begin(out, Metric::kAlerts);
  for (const AlertFrom from : {AlertFrom::kClient, AlertFrom::kCulvert}) {
    for (uint8_t i = 0; i < kMaxAlerts; ++i) {
      if (counters.alert(from, i) == 0) continue;
      out.sample(
          {{"alert", alertName(i)}, {"from", from == AlertFrom::kClient ? "client" : "culvert"}},
          counters.alert(from, i));
    }
  }
}

void addStates(MetricText& out, const CounterSnapshot& counters) {
  begin(out, Metric::kClosedByCause);
  forEachCause(counters, kCloseCauseNames, [&](std::string_view cause, uint64_t count) {
    out.sample({{"cause", cause}}, count);
  });
  begin(out, Metric::kTunnelsByState);
  for (size_t i = 0; i < std::size(kTunnelStateNames); ++i)
    out.sample({{"state", kTunnelStateNames[i]}}, counters.state(i));
}

void addProcess(MetricText& out, const MetricsInput& input) {
  const ProcessInfo& process = input.process;
  begin(out, Metric::kBuildInfo)
      .sample({{"version", input.version}, {"tls", input.tlsLibrary}}, uint64_t{1});
  begin(out, Metric::kConfigLoaded).sample({}, input.configLoaded);
  begin(out, Metric::kConfigInfo).sample({{"fingerprint", input.configFingerprint}}, uint64_t{1});
  begin(out, Metric::kProcessCpu).sample({}, process.cpuSeconds);
  begin(out, Metric::kProcessResident).sample({}, process.residentBytes);
  begin(out, Metric::kProcessVirtual).sample({}, process.virtualBytes);
  begin(out, Metric::kProcessStart).sample({}, process.started);
  if (process.openFds) begin(out, Metric::kProcessOpenFds).sample({}, *process.openFds);
  begin(out, Metric::kProcessMaxFds).sample({}, process.maxFds);
  begin(out, Metric::kMailboxDepth);
  for (size_t i = 0; i < input.mailboxDepths.size(); ++i)
    out.sample({{"worker", fmt::format("{:02}", i)}}, uint64_t{input.mailboxDepths[i]});
  begin(out, Metric::kTicketKeyAge);
  for (size_t i = 0; i < input.ticketKeyAges.size(); ++i)
    out.sample({{"key", std::to_string(i)}},
               static_cast<uint64_t>(std::max<int64_t>(input.ticketKeyAges[i], 0)));
}

/// Returns the services that have series of their own, sorted by name, and the sum of the others.
std::pair<std::vector<const ServiceMetrics*>, ServiceMetrics> listedServices(
    const std::vector<ServiceMetrics>& services) {
  std::vector<const ServiceMetrics*> listed;
  listed.reserve(services.size());
  ServiceMetrics others;
  others.name = kOtherServices;
  for (const ServiceMetrics& one : services) listed.push_back(&one);
  std::sort(listed.begin(), listed.end(),
            [](const auto* a, const auto* b) { return a->name < b->name; });
  for (size_t i = kMostListedServices; i < listed.size(); ++i) {
    const ServiceMetrics& one = *listed[i];
    others.counts.merge(one.counts);
    if (one.certificateSecondsLeft)
      others.certificateSecondsLeft =
          std::min(others.certificateSecondsLeft.value_or(INT64_MAX), *one.certificateSecondsLeft);
  }
  if (listed.size() > kMostListedServices) listed.resize(kMostListedServices);
  return {std::move(listed), std::move(others)};
}

void addServiceCounts(MetricText& out, std::span<const ServiceMetrics* const> services) {
  for (size_t i = 0; i < kServiceCountCount; ++i) {
    const auto count = static_cast<ServiceCount>(i);
    const CounterInfo& info = serviceCountInfo(count);
    out.metric(metricName("culvert_service_", info), metricTypeOf(info.kind), info.brief);
    for (const ServiceMetrics* one : services)
      out.sample({{"service", one->name}}, one->counts.get(count));
  }
  begin(out, Metric::kServiceCertificate);
  for (const ServiceMetrics* one : services) {
    if (!one->certificateSecondsLeft) continue;
    out.sample({{"service", one->name}},
               static_cast<uint64_t>(std::max<int64_t>(*one->certificateSecondsLeft, 0)));
  }
}

/// Backends of a service that have the same address are listed once.
std::vector<const BackendMetrics*> distinctBackends(const ServiceMetrics& service) {
  std::vector<const BackendMetrics*> distinct;
  std::set<std::pair<std::string_view, std::string_view>> known;
  for (const BackendMetrics& one : service.backends)
    if (known.emplace(one.address, one.name).second) distinct.push_back(&one);
  return distinct;
}

void addBackends(MetricText& out, const ServiceMetrics& service) {
  for (const BackendMetrics* one : distinctBackends(service)) {
    const MetricLabels labels = {
        {"service", service.name}, {"backend", one->address}, {"name", one->name}};
    begin(out, Metric::kBackendUp).sample(labels, uint64_t{one->up});
    begin(out, Metric::kBackendEjected).sample(labels, uint64_t{one->ejected});
    begin(out, Metric::kBackendTunnels).sample(labels, one->tunnels);
    begin(out, Metric::kBackendCheckFailed).sample(labels, uint64_t{one->checkFailed});
  }
}

void addServices(MetricText& out, const MetricsInput& input) {
  auto [listed, others] = listedServices(input.services);
  begin(out, Metric::kServicesNotListed)
      .sample({}, uint64_t{input.services.size() - listed.size()});
  begin(out, Metric::kServiceState);
  for (const ServiceMetrics* one : listed)
    out.sample({{"service", one->name}, {"state", serviceStateName(one->state)}}, uint64_t{1});
  for (const Metric metric : {Metric::kBackendUp, Metric::kBackendEjected, Metric::kBackendTunnels,
                              Metric::kBackendCheckFailed})
    begin(out, metric);  // their names are there without a backend, too
  for (const ServiceMetrics* one : listed) addBackends(out, *one);
  if (listed.size() < input.services.size()) listed.push_back(&others);
  addServiceCounts(out, listed);
}

void addRow(std::string& out, std::string_view name, MetricType type, std::string_view labels,
            std::string_view brief, std::string_view detail) {
  std::string shown;
  for (const char c : labels) shown += c == ',' ? std::string("`, `") : std::string(1, c);
  fmt::format_to(std::back_inserter(out), "| `{}` | {} | {} | {}.{}{} |\n", name,
                 metricTypeName(type), shown.empty() ? "" : "`" + shown + "`", brief,
                 detail.empty() ? "" : " ", detail);
}

}  // namespace

std::string_view serviceStateName(ServiceState state) {
  switch (state) {
    case ServiceState::kUp:
      return "up";
    case ServiceState::kDegraded:
      return "degraded";
    case ServiceState::kDown:
      return "down";
    case ServiceState::kDraining:
      break;
  }
  return "draining";
}

std::string prometheusText(const MetricsInput& input) {
  MetricText out;
  addCounters(out, input.counters);
  addTimings(out, input.timings);
  addFailures(out, input.counters);
  addStates(out, input.counters);
  addProcess(out, input);
  addServices(out, input);
  return out.text();
}

std::string metricsTable() {
  std::string out = "| metric | type | labels | meaning |\n|---|---|---|---|\n";
  for (const MetricInfo& info : MetricTable::kRows)
    addRow(out, info.name, info.type, info.labels, info.brief, info.detail);
  for (size_t i = 0; i < kServiceCountCount; ++i) {
    const CounterInfo& info = serviceCountInfo(static_cast<ServiceCount>(i));
    addRow(out, metricName("culvert_service_", info), metricTypeOf(info.kind), "service",
           info.brief, info.detail);
  }
  for (size_t i = 0; i < kTimingCount; ++i) {
    const TimingInfo& info = timingInfo(static_cast<Timing>(i));
    addRow(out, metricName(static_cast<Timing>(i)), MetricType::kHistogram, "le", info.brief,
           info.detail);
  }
  for (size_t i = 0; i < kCounterCount; ++i) {
    const CounterInfo& info = counterInfo(static_cast<Counter>(i));
    addRow(out, metricName("culvert_", info), metricTypeOf(info.kind), "", info.brief, info.detail);
  }
  return out;
}

}  // namespace culvert
