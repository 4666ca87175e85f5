// SPDX-License-Identifier: GPL-3.0-or-later
// ServerParts holds what the control thread controls: the configuration in force, and the threads
// that it has started. The phases of the start fill ServerParts. Reload, Drain, Overseer and the
// state dump use ServerParts. Thread: control.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "certs/staple_keeper.h"
#include "certs/ticket_source.h"
#include "config/config_source.h"
#include "event/post_box.h"
#include "health/health_thread.h"
#include "limit/handshake_rate.h"
#include "limit/service_limits.h"
#include "log/logger.h"
#include "process/fd_budget.h"
#include "process/identity.h"
#include "process/sd_notify.h"
#include "server/admin_doors.h"
#include "server/listener_table.h"
#include "server/service_builder.h"
#include "stats/counter_registry.h"
#include "stats/service_counts.h"
#include "worker/acceptor.h"

namespace culvert {

/// Members are destroyed in reverse order, so threads stop before the objects that they use are
/// destroyed.
struct ServerParts {
  /// `daemonized` decides what `log = auto` means.
  ServerParts(ConfigSource from, bool daemonized);

  const ConfigSource source;
  const bool daemon;
  Logger logger;
  CounterRegistry registry;
  AdminDoors doors;        ///< its thread uses the parts below until doors.stop()
  CounterBlock& counters;  ///< the block of the control thread
  EventLoop loop;
  PostBox postBox;  ///< for messages to the control thread
  std::unique_ptr<Resolver> resolver;
  TicketSource tickets;
  StapleKeeper staples;
  TunnelBudget budget;
  ServiceCountsTable serviceCounts;
  TunnelLimits limits{TunnelLimits::Scope::kProcess};
  std::shared_ptr<HandshakeRate> handshakeRate = std::make_shared<HandshakeRate>();
  std::atomic<uint64_t> nextTunnelId{1};

  Config config;    ///< in force
  Runtime runtime;  ///< in force
  ListenerTable listeners;
  ListenOptions listenOptions;
  FdBudget fdBudget;
  SdNotify notify;

  std::unique_ptr<WorkerShared> shared;
  std::vector<std::unique_ptr<Worker>> workers;
  std::unique_ptr<Acceptor> acceptor;  ///< null before the threads start
  HealthThread health;                 ///< follows nothing before the threads start

  const WallTime started = std::chrono::system_clock::now();
  WallTime loaded = started;      ///< when the configuration came into force
  std::set<std::string> drained;  ///< services that an operator has drained

  /// Applies the limits of `config` and `runtime`, and begins to measure times if metrics or admin
  /// is set.
  void commitLimits();
};

/// Gives each worker its share of the memory-limit in force.
void applyMemoryLimit(ServerParts& parts);

}  // namespace culvert
