// SPDX-License-Identifier: GPL-3.0-or-later
// prepare() turns the configuration's source into everything that can be put in force: it reads the
// file and all that the file names, judges it, and changes nothing. The start, a reload and --check
// all come through here, so a rule that is added holds for the three of them. Thread: control (or
// start).
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
  kCheck,        ///< --check: what this process cannot do itself is a note
  kStrictCheck,  ///< --check=strict: what a start only warns of is an error
};

/// What a reload is compared with.
struct InForce {
  const Config& config;
  const Runtime& runtime;
};

struct Preparation {
  Config config;
  std::optional<Identity> identity;  ///< whom `user` and `group` name; not for kReload
  Runtime runtime;
  TicketSecrets tickets;
  Diagnostics diagnostics;
  int exitCode = 0;  ///< 0: all of it is there; else the code that a start ends with
};

struct PrepareContext {
  PrepareReason reason;
  Resolver& resolver;
  TicketSource& tickets;
  const InForce* before = nullptr;  ///< kReload only
  /// Runs between the configuration and the files that it names. It may take the diagnostics so
  /// far; false ends the preparation with kExitConfig. May be empty.
  std::function<bool(Preparation&)> onConfig = {};
};

/// The diagnostics tell every error, warning and note, with its place.
Preparation prepare(const ConfigSource& source, const PrepareContext& context);

}  // namespace culvert
