// SPDX-License-Identifier: GPL-3.0-or-later
// HealthReport gets the results of all health checks. It counts them, logs the first failure of a
// row, and passes each result to the service's BackendPool, which judges the address. Thread: the
// prober's.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "health/prober.h"
#include "log/logger.h"
#include "service/runtime.h"
#include "stats/counters.h"

namespace culvert {

/// Logs when the checks of an address begin to fail, and when they pass again.
class HealthLog {
 public:
  /// `logger` outlives the HealthLog.
  HealthLog(Logger& logger, std::string service) : logger_(logger), service_(std::move(service)) {}
  void probed(const SocketAddress& address, bool ok, std::string_view why, TimePoint now);

 private:
  struct State {
    uint64_t failures = 0;  // in a row
    TimePoint since{};      // of the first of them
    bool told = false;      // the first success is in the log
  };

  Logger& logger_;
  const std::string service_;
  std::map<std::string, State> states_;  // by the text of the address
};

class HealthReport {
 public:
  HealthReport(Logger& logger, CounterBlock& counters) : logger_(logger), counters_(counters) {}
  void onResult(const Service& service, const SocketAddress& address, bool ok,
                const std::string& words);

 private:
  HealthLog& logOf(const Service& service);

  Logger& logger_;
  CounterBlock& counters_;
  std::map<std::string, HealthLog> logs_;  // by the name of the service
};

/// The services of the runtime that have a health check.
std::vector<std::shared_ptr<const Service>> checkedServices(const Runtime& runtime);

/// The hooks of the daemon's prober: a HealthReport and a random source of its own.
ProberHooks reportingHooks(Logger& logger, CounterBlock& counters);

}  // namespace culvert
