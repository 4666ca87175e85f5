// SPDX-License-Identifier: GPL-3.0-or-later
// See memory_rule.h.
#include "server/memory_rule.h"

#include <fmt/format.h>

#include <utility>

#include "process/cpu_budget.h"

namespace culvert {

WorkerCount workerCountOf(const GlobalOptions& global) {
  if (global.workers != 0) return {global.workers, "configured"};
  CpuBudget cpus = detectCpuBudget();
  return {cpus.workers, std::move(cpus.reason)};
}

void checkMemoryLimit(const GlobalOptions& global, size_t workers, Diagnostics& diagnostics) {
  const size_t least = workers * kLeastMemoryShare;
  if (global.memoryLimit == 0 || global.memoryLimit >= least) return;
  diagnostics.error(
      global.originOf("memory-limit"), sectionLabel(global), "memory-limit",
      fmt::format("too small for {} worker{}; allowed: {}m or more (2m for each worker), or off",
                  workers, workers == 1 ? "" : "s", least / (1024 * 1024)));
}

size_t memoryShareOf(const GlobalOptions& global, size_t workers) {
  return global.memoryLimit / workers;
}

}  // namespace culvert
