// SPDX-License-Identifier: GPL-3.0-or-later
// Turns the raw documents of all sources into one Config: checks every entry where it stands, lays
// the sources over each other, fills in defaults, and checks what only the whole can show. Reports
// every error, not the first. Thread: start.
#pragma once

#include <vector>

#include "config/config.h"
#include "config/ini_reader.h"
#include "config/option_table.h"

namespace culvert {

/// The sources, weakest first.
struct ConfigLayers {
  RawDocument file, environment, sets, named;
  std::string fileName;  ///< for "no service": empty without a file
  Diagnostics hints;     ///< added where something is missing
  bool selfSigned =
      false;  ///< of service `main`: certificate and key of weaker sources are dropped
};

/// What strength means for one option of a service: its own section in the strongest source that
/// has it, else the defaults in the strongest source that has it, else the built-in default. A list
/// is taken whole from one of them.
Config buildConfig(const ConfigLayers& layers, const Validators& validators,
                   Diagnostics& diagnostics);

/// What only whole services can show: versions in order, no more keys than certificates, no address
/// twice, settings without effect (warnings). Called by buildConfig.
void checkWhole(const Config& config, const Validators& validators, Diagnostics& diagnostics);

}  // namespace culvert
