// SPDX-License-Identifier: GPL-3.0-or-later
// --dump-config: every effective value as a valid INI file, each with its origin in a comment at
// the end of the line. Reading the dump gives the same configuration again. Thread: any.
#pragma once

#include <string>

#include "config/config.h"
#include "config/option_docs.h"

namespace culvert {

/// `builtIn` gives the text for empty lists of suites and groups.
std::string dumpConfig(const Config& config, BuiltInWords builtIn = nullptr);

}  // namespace culvert
