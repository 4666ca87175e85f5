// SPDX-License-Identifier: GPL-3.0-or-later
// See health_report.h.
#include "server/health_report.h"

#include <memory>
#include <random>
#include <utility>

#include "worker/backend_report.h"

namespace culvert {

void HealthLog::probed(const SocketAddress& address, bool ok, std::string_view why, TimePoint now) {
  // Addresses of names come and go, and nobody reports the end of one.
  constexpr size_t kMostStates = 4096;
  if (states_.size() > kMostStates) states_.clear();
  const std::string text = address.text();
  State& state = states_[text];
  const uint64_t failures = std::exchange(state.failures, ok ? 0 : state.failures + 1);
  if (!ok && failures == 0) {
    state.since = now;
    LogLine line(LogLevel::kInfo, "health check failed");
    line.add("service", service_).add("backend", text).add("error", why);
    logger_.log(std::move(line.collapseBy(service_ + " health check failed", text)));
  } else if (ok && failures != 0) {
    LogLine line(LogLevel::kInfo, "health check passes again");
    line.add("service", service_).add("backend", text).add("answer", why);
    line.add("failures", failures).addMillis("failed_for_ms", now - state.since);
    logger_.log(std::move(line.collapseBy(service_ + " health check passes again", text)));
  } else if (ok && !state.told) {
    logger_.log(LogLine(LogLevel::kDebug, "health check passes")
                    .add("service", service_)
                    .add("backend", text)
                    .add("answer", why));
  }
  state.told = state.told || ok;
}

void HealthReport::onResult(const Service& service, const SocketAddress& address, bool ok,
                            const std::string& words) {
  counters_.add(ok ? Counter::kBackendChecksOk : Counter::kBackendChecksFailed);
  const TimePoint now = Clock::now();
  logOf(service).probed(address, ok, words, now);
  const ConnectorOptions& connect = service.profile->connect;
  for (const LogLine& line :
       backendEventLines(connect, connect.pool->probed(address, ok, words, now)))
    logger_.log(line);
}

HealthLog& HealthReport::logOf(const Service& service) {
  const std::string& name = service.profile->name;
  return logs_.try_emplace(name, logger_, name).first->second;
}

std::vector<std::shared_ptr<const Service>> checkedServices(const Runtime& runtime) {
  std::vector<std::shared_ptr<const Service>> checked;
  for (const RuntimeService& one : runtime.services)
    if (one.service->health.kind != HealthCheck::kOff) checked.push_back(one.service);
  return checked;
}

ProberHooks reportingHooks(Logger& logger, CounterBlock& counters) {
  const auto report = std::make_shared<HealthReport>(logger, counters);
  const auto random = std::make_shared<std::minstd_rand>(std::random_device{}());
  return {.onResult = [report](const Service& service, const SocketAddress& address, bool ok,
                               const std::string& words,
                               Clock::duration) { report->onResult(service, address, ok, words); },
          .dice = [random] { return std::uniform_real_distribution<>(0, 1)(*random); }};
}

}  // namespace culvert
