// SPDX-License-Identifier: GPL-3.0-or-later
// What the admin thread uses of the daemon. All of it outlives the thread, and may be used by any
// thread.
#pragma once

#include <functional>
#include <vector>

#include "admin/admin_view.h"
#include "admin/control.h"
#include "log/logger.h"
#include "stats/counter_registry.h"
#include "stats/service_counts.h"
#include "worker/tunnel_budget.h"
#include "worker/worker.h"

namespace culvert {

struct AdminParts {
  Logger& logger;
  CounterRegistry& registry;
  TunnelBudget& budget;
  const ServiceCountsTable& serviceCounts;
  AdminControl& control;
  std::vector<Worker*> workers;
  /// Makes the acceptor's loop call the function.
  std::function<void(std::function<void()>)> pingAcceptor;
};

}  // namespace culvert
