// SPDX-License-Identifier: GPL-3.0-or-later
// Turns the raw documents of all sources into one Config. It checks every entry, merges the sources
// and fills in defaults. Then it checks what only the complete configuration shows. Reports every
// error, not only the first. Thread: start.
#pragma once

#include <vector>

#include "config/config.h"
#include "config/ini_reader.h"
#include "config/option_table.h"

namespace culvert {

/// The sources, weakest first.
struct ConfigLayers {
  RawDocument file, environment, sets, named;
  std::string fileName;     ///< for "no service": empty without a file
  Diagnostics hints;        ///< added if a required option is missing
  bool selfSigned = false;  ///< service `main` ignores certificate and key of weaker sources
};

/// How one option of a service gets its value. The strongest source whose section of this service
/// has the option decides. Without one, the strongest source whose [defaults] have the option
/// decides; otherwise the built-in default applies. A list comes as a whole from one of them.
Config buildConfig(const ConfigLayers& layers, const Validators& validators,
                   Diagnostics& diagnostics);

/// Checks that need complete services: versions in order, not more keys than certificates, no
/// address twice, settings without effect (warnings). Called by buildConfig.
void checkWhole(const Config& config, const Validators& validators, Diagnostics& diagnostics);

}  // namespace culvert
