// SPDX-License-Identifier: GPL-3.0-or-later
// prepare() reads the configuration file and all files that it names, and checks them. The result
// is ready to be applied; prepare() itself changes nothing. The start, a reload and --check all use
// prepare(), so a new rule holds for all three. Thread: control (or start).
#pragma once

#include <functional>
#include <optional>

#include "certs/ticket_source.h"
#include "config/config_source.h"
#include "process/identity.h"
#include "server/service_builder.h"

namespace culvert {

enum class PrepareReason : uint8_t {
  kStart,
  kReload,
  kCheck,        ///< --check: a missing right of this process is only a note
  kStrictCheck,  ///< --check=strict: a problem that a start only warns about is an error
};

/// The state in force, with which a reload compares the new configuration.
struct InForce {
  const Config& config;
  const Runtime& runtime;
};

struct Preparation {
  Config config;
  std::optional<Identity> identity;  ///< from `user` and `group`; not set for kReload
  Runtime runtime;
  TicketSecrets tickets;
  Diagnostics diagnostics;
  int exitCode = 0;  ///< 0 after success; else the exit code that a start would return
};

struct PrepareContext {
  PrepareReason reason;
  Resolver& resolver;
  TicketSource& tickets;
  const InForce* before = nullptr;       ///< kReload only
  size_t workers = 0;                    ///< kReload only: that are running
  ServiceCountsTable* counts = nullptr;  ///< kStart and kReload
  /// Called after the configuration is read and before the files that it names are read. The
  /// function may move the diagnostics out. If it returns false, prepare() ends with kExitConfig.
  /// May be empty.
  std::function<bool(Preparation&)> onConfig = {};
};

/// The result's diagnostics contain every error, warning and note, with its place.
Preparation prepare(const ConfigSource& source, const PrepareContext& context);

}  // namespace culvert
