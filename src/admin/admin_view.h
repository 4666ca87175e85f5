// SPDX-License-Identifier: GPL-3.0-or-later
// AdminView is what the control thread publishes of its state for the admin thread: a new object
// after each change. Thread: frozen.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "admin/control.h"
#include "base/choices.h"
#include "service/entrance.h"
#include "service/runtime.h"

namespace culvert {

struct AdminListener {
  AddressSpec spec;     ///< as configured, with the bound port
  std::string address;  ///< its text
  Entrance::Services services;
  bool away = false;  ///< closed, because all backends of its services are down
};

struct AdminView {
  std::string version, tls, file;
  WallTime started{}, loaded{};  ///< of the process; of the configuration in force
  Runtime runtime;
  std::vector<AdminListener> listeners;
  std::set<std::string> drained;  ///< services that an operator has drained
  ReadyNeeds readyNeeds = ReadyNeeds::kListeners;
  bool draining = false;
  uint64_t maxTunnels = 0;
  std::string ticketIds;    ///< empty without a ticket-secret-file
  std::string fingerprint;  ///< of the configuration; equal for equal configurations
  LogLevelState log{};
  std::shared_ptr<const ReloadReport> lastReload;  ///< nullptr before the first reload
};

}  // namespace culvert
