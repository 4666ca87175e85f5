// SPDX-License-Identifier: GPL-3.0-or-later
// prepare() turns the configuration's source into everything that can be put in force. It reads the
// file and all files that it names, checks them, and changes nothing. The start, a reload and
// --check all use prepare(), so a new rule holds for all three. Thread: control (or start).
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
  kCheck,        ///< --check: what this process itself cannot do is a note
  kStrictCheck,  ///< --check=strict: a warning of the start is an error
};

/// What a reload is compared with.
struct InForce {
  const Config& config;
  const Runtime& runtime;
};

struct Preparation {
  Config config;
  std::optional<Identity> identity;  ///< from `user` and `group`; not for kReload
  Runtime runtime;
  TicketSecrets tickets;
  Diagnostics diagnostics;
  int exitCode = 0;  ///< 0 if everything is complete; else the exit code of a start
};

struct PrepareContext {
  PrepareReason reason;
  Resolver& resolver;
  TicketSource& tickets;
  const InForce* before = nullptr;  ///< kReload only
  /// Called after the configuration is read and before the files that it names. It may take the
  /// diagnostics so far. False ends the preparation with kExitConfig. May be empty.
  std::function<bool(Preparation&)> onConfig = {};
};

/// The diagnostics contain every error, warning and note, with its place.
Preparation prepare(const ConfigSource& source, const PrepareContext& context);

}  // namespace culvert
