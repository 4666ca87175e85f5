// SPDX-License-Identifier: GPL-3.0-or-later
// Sources that override the file: environment variables, --set and the named options of the command
// line. Each source becomes a document of sections and entries, like the file. The origin of an
// entry is `env:NAME`, `--set#N` or an option such as `--listen`. Callers pass the environment
// variables in, because this module does not access the process's environment. Thread: start
// (values).
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
  std::string key;     ///< "listen"; a key of [global] or of [service main]
  std::string value;
};

/// The overrides at start. A reload uses the same overrides.
struct Overrides {
  std::vector<std::string> environment;  ///< "NAME=VALUE"; names other than CULVERT_* are ignored
  std::vector<std::string> sets;         ///< "SECTION.KEY=VALUE"
  std::vector<NamedOption> named;
  bool selfSigned = false;
};

/// Reads CULVERT_GLOBAL_*, CULVERT_DEFAULTS_* and CULVERT_TUNNEL_*. Ignores CULVERT_CONFIG and
/// CULVERT_ADMIN. Also ignores the variables that Kubernetes sets for a Service called culvert or
/// culvert-x, unless they name an option. Any other name that starts with CULVERT_ is an error.
RawDocument readEnvironment(const std::vector<std::string>& environment, Diagnostics& diagnostics);

/// Reads `global.KEY=V`, `defaults.KEY=V` and `service:NAME.KEY=V`. The last dot before the first
/// '=' separates the section from the key.
RawDocument readSets(const std::vector<std::string>& sets, Diagnostics& diagnostics);

RawDocument readNamed(const Overrides& overrides);

/// Returns the value of the variable `name` in `environment`, whose entries are "NAME=VALUE";
/// nullptr if there is no such variable.
const char* environmentValue(const std::vector<std::string>& environment, std::string_view name);

/// True if a CULVERT_TUNNEL_ variable configures the service `main`.
bool environmentNamesService(const std::vector<std::string>& environment);

/// Returns a warning for each variable that culvert ignored because of its name, although
/// Kubernetes did not set the variable. The name has the form of a variable that Kubernetes sets
/// for a Service, but the other variables of that Service are missing. Used when the configuration
/// is incomplete.
Diagnostics passedOverVariables(const std::vector<std::string>& environment);

}  // namespace culvert
