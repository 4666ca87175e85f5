// SPDX-License-Identifier: GPL-3.0-or-later
// --dump-config: every effective value as a valid INI file, with the place it came from in a
// comment behind it. Reading the dump gives the same configuration again. Thread: any.
#pragma once

#include <string>

#include "config/config.h"
#include "config/option_docs.h"

namespace culvert {

/// `builtIn` says what empty lists of suites and groups come to.
std::string dumpConfig(const Config& config, BuiltInWords builtIn = nullptr);

}  // namespace culvert
