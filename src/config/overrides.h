// SPDX-License-Identifier: GPL-3.0-or-later
// What stands above the file: environment variables, --set and the named options of the command
// line, each read into the same sections and entries that a file gives, with origins `env:NAME`,
// `--set#N`, `--listen`. Nothing global is read here: the environment is passed in. Thread: start
// (values).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/ini_reader.h"

namespace culvert {

/// The service that CULVERT_TUNNEL_* and the named options speak of.
inline constexpr std::string_view kMainService = "main";

/// One named option of the command line that stands for a key.
struct NamedOption {
  std::string option;  ///< "--listen"
  std::string
      key;  ///< "listen"; of [service main], or of [global] where there is such a global key
  std::string value;
};

/// The snapshot that a reload uses again.
struct Overrides {
  std::vector<std::string> environment;  ///< "NAME=VALUE"; other names than CULVERT_* are no matter
  std::vector<std::string> sets;         ///< "SECTION.KEY=VALUE"
  std::vector<NamedOption> named;
  bool selfSigned = false;
};

/// CULVERT_GLOBAL_*, CULVERT_DEFAULTS_*, CULVERT_TUNNEL_*. Passed over are CULVERT_CONFIG,
/// CULVERT_ADMIN and what Kubernetes injects for a Service called culvert or culvert-x, unless it
/// names an option; any other CULVERT_ name is an error.
RawDocument readEnvironment(const std::vector<std::string>& environment, Diagnostics& diagnostics);

/// `global.KEY=V`, `defaults.KEY=V`, `service:NAME.KEY=V`, split at the last dot before the first
/// '='.
RawDocument readSets(const std::vector<std::string>& sets, Diagnostics& diagnostics);

RawDocument readNamed(const Overrides& overrides);

/// The value of `name` in "NAME=VALUE" entries, or nullptr.
const char* environmentValue(const std::vector<std::string>& environment, std::string_view name);

/// True where some CULVERT_TUNNEL_ variable asks for a service.
bool environmentNamesService(const std::vector<std::string>& environment);

/// A warning for each variable that is passed over as one of Kubernetes' and was not set by it: its
/// Service has no variables here. For when the configuration is incomplete.
Diagnostics passedOverVariables(const std::vector<std::string>& environment);

}  // namespace culvert
