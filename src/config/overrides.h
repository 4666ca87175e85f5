// SPDX-License-Identifier: GPL-3.0-or-later
// Sources that override the file: environment variables, --set and the named options of the command
// line. Each is read into the same sections and entries as a file, with origins `env:NAME`,
// `--set#N`, `--listen`. This module does not access the process's environment: callers pass it in.
// Thread: start (values).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/ini_reader.h"

namespace culvert {

/// The service that CULVERT_TUNNEL_* and the named options configure.
inline constexpr std::string_view kMainService = "main";

/// A named command line option for a key.
struct NamedOption {
  std::string option;  ///< "--listen"
  std::string key;  ///< "listen"; of [global] if such a global key exists, else of [service main]
  std::string value;
};

/// The overrides at the start; a reload uses them again.
struct Overrides {
  std::vector<std::string> environment;  ///< "NAME=VALUE"; names other than CULVERT_* are ignored
  std::vector<std::string> sets;         ///< "SECTION.KEY=VALUE"
  std::vector<NamedOption> named;
  bool selfSigned = false;
};

/// Reads CULVERT_GLOBAL_*, CULVERT_DEFAULTS_*, CULVERT_TUNNEL_*. Ignores CULVERT_CONFIG,
/// CULVERT_ADMIN, and the variables that Kubernetes sets for a Service called culvert or culvert-x,
/// unless they name an option. Any other CULVERT_ name is an error.
RawDocument readEnvironment(const std::vector<std::string>& environment, Diagnostics& diagnostics);

/// Reads `global.KEY=V`, `defaults.KEY=V`, `service:NAME.KEY=V`, split at the last dot before the
/// first '='.
RawDocument readSets(const std::vector<std::string>& sets, Diagnostics& diagnostics);

RawDocument readNamed(const Overrides& overrides);

/// The value of `name` in "NAME=VALUE" entries, or nullptr.
const char* environmentValue(const std::vector<std::string>& environment, std::string_view name);

/// True if a CULVERT_TUNNEL_ variable configures a service.
bool environmentNamesService(const std::vector<std::string>& environment);

/// A warning for each variable that is ignored as one of Kubernetes' but that Kubernetes did not
/// set, because the variables of its Service are missing. Used when the configuration is
/// incomplete.
Diagnostics passedOverVariables(const std::vector<std::string>& environment);

}  // namespace culvert
