// SPDX-License-Identifier: GPL-3.0-or-later
// --dump-config: every effective value as a valid INI file, with the place it came from in a
// comment behind it. Reading the dump gives the same configuration again. Thread: any.
#pragma once

#include <string>

#include "config/config.h"

namespace culvert {

std::string dumpConfig(const Config& config);

}  // namespace culvert
