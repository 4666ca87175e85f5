// SPDX-License-Identifier: GPL-3.0-or-later
// Implements --dump-config. The dump is a valid INI file with every effective value. A comment
// after each value names the value's origin. Reading the dump gives the same configuration again.
// The services of included files are in the dump, so `include` is only a comment there. Thread: any.
#pragma once

#include <string>

#include "config/config.h"
#include "config/option_docs.h"

namespace culvert {

/// Returns the dump. `builtIn` returns the built-in suites or groups, for lists that are empty.
std::string dumpConfig(const Config& config, BuiltInWords builtIn = nullptr);

}  // namespace culvert
