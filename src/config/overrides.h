// SPDX-License-Identifier: GPL-3.0-or-later
// Sources that override the file: environment variables, --set and the named options of the command
// line. Each source is read into sections and entries, like a file. Their origins are `env:NAME`,
// `--set#N` or an option such as `--listen`. This module does not access the environment of the
// process; callers pass the variables in. Thread: start (values).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/ini_reader.h"

namespace culvert {

/// The service that CULVERT_TUNNEL_* and the named options configure.
inline constexpr std::string_view kMainService = "main";

/// A command line option that sets one key.
struct NamedOption {
  std::string option;  ///< "--listen"
  std::string key;     ///< "listen"; of [global] if that has the key, else of [service main]
  std::string value;
};

/// The overrides at start. A reload uses the same overrides.
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

/// Returns the value of `name` in `environment` ("NAME=VALUE" entries), or nullptr.
const char* environmentValue(const std::vector<std::string>& environment, std::string_view name);

/// True if a CULVERT_TUNNEL_ variable configures a service.
bool environmentNamesService(const std::vector<std::string>& environment);

/// Returns warnings about variables that culvert ignored because Kubernetes uses such names,
/// although Kubernetes did not set them (the other variables of its Service are missing). Used when
/// the configuration is incomplete.
Diagnostics passedOverVariables(const std::vector<std::string>& environment);

}  // namespace culvert
