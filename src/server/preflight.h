// SPDX-License-Identifier: GPL-3.0-or-later
// What can fail when the daemon runs and is not a mistake of the configuration: addresses that
// cannot be bound now, names that do not resolve, files that cannot be written. For --check.
// Thread: start.
#pragma once

#include "config/config.h"
#include "config/diagnostics.h"

namespace culvert {

/// Returns notes of `severity`, with the place of each option, sorted. It checks as the user who
/// runs it.
Diagnostics preflight(const Config& config, Severity severity);

}  // namespace culvert
