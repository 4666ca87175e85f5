// SPDX-License-Identifier: GPL-3.0-or-later
// The text of /metrics, made from numbers that the caller has collected. Pure. Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/process_info.h"
#include "stats/counters.h"
#include "stats/service_counts.h"

namespace culvert {

/// The most services that have series of their own. The rest are summed as `_other`.
inline constexpr size_t kMostListedServices = 1000;

enum class ServiceState : uint8_t { kUp, kDegraded, kDown, kDraining };
std::string_view serviceStateName(ServiceState state);

struct BackendMetrics {
  std::string address;  ///< as text; the name for a name without an address
  std::string name;     ///< the host name; empty for a literal address
  bool up = false;
  bool ejected = false;
  bool checkFailed = false;
  uint64_t tunnels = 0;
};

struct ServiceMetrics {
  std::string name;
  ServiceState state = ServiceState::kUp;
  ServiceTotals counts;
  std::optional<int64_t> certificateSecondsLeft;  ///< nothing without a certificate
  std::vector<BackendMetrics> backends;
};

struct MetricsInput {
  CounterSnapshot counters;  ///< complete, also what is counted elsewhere
  TimingSnapshot timings;
  std::vector<ServiceMetrics> services;  ///< in any order
  std::vector<size_t> mailboxDepths;     ///< by worker
  std::vector<int64_t> ticketKeyAges;    ///< seconds; the key for new tickets first
  ProcessInfo process;
  std::string version;
  std::string tlsLibrary;
  double configLoaded = 0;  ///< Unix time since which the configuration is in force
  std::string configFingerprint;
};

/// Returns the metrics in the Prometheus text exposition format 0.0.4. Send it with
/// kMetricsContentType.
std::string prometheusText(const MetricsInput& input);

inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

/// The table of all metrics, in Markdown, for docs/monitoring.md.
std::string metricsTable();

}  // namespace culvert
