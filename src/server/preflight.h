// SPDX-License-Identifier: GPL-3.0-or-later
// What could fail when the daemon runs and is no mistake of the configuration: addresses that cannot
// be bound now, names that do not resolve, files that cannot be written. For --check. Thread: start.
#pragma once

#include "config/config.h"
#include "config/diagnostics.h"

namespace culvert {

/// Notes of `severity`, with the place of each option, sorted. As whoever runs the check.
Diagnostics preflight(const Config& config, Severity severity);

}  // namespace culvert
