// SPDX-License-Identifier: GPL-3.0-or-later
// Turns the raw documents of all sources into one Config. First checks every entry, merges the
// sources and fills in defaults. Then makes the checks that need the complete configuration.
// Reports every error, not only the first. Thread: start.
#pragma once

#include <vector>

#include "config/config.h"
#include "config/ini_reader.h"
#include "config/option_table.h"

namespace culvert {

/// The sources of the configuration, weakest first.
struct ConfigLayers {
  RawDocument file, environment, sets, named;
  std::vector<RawDocument> included;  ///< the files that `file` includes, in their order
  bool unread = false;                ///< true if a file that should be included was not read
  std::string fileName;               ///< for the error "no service"; empty if there is no file
  Diagnostics hints;                  ///< reported if a required option is missing
  bool selfSigned = false;            ///< if true, `cert` and `key` of service `main` are ignored
};

/// Builds the configuration. The value of a service's option comes from the strongest source that
/// has the option in this service's own section. If there is no such source, the value comes from
/// the strongest source that has the option in [defaults]. If no source has the option, the
/// built-in default applies. A list comes as a whole from one section. [defaults] of an included
/// file apply to its own later services; all [defaults] of the main file apply to them too, but are
/// weaker.
Config buildConfig(const ConfigLayers& layers, const Validators& validators,
                   Diagnostics& diagnostics);

/// Makes the checks that need complete services. These checks find for example versions in the
/// wrong order, more keys than certificates, an address used twice, and settings without effect
/// (warnings). Called by buildConfig.
void checkWhole(const Config& config, const Validators& validators, Diagnostics& diagnostics);

}  // namespace culvert
