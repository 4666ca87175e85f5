// SPDX-License-Identifier: GPL-3.0-or-later
// For --check: finds problems that are not mistakes of the configuration. These are addresses that
// cannot be bound now, names that do not resolve, and files that cannot be written. Thread: start.
#pragma once

#include "config/config.h"
#include "config/diagnostics.h"

namespace culvert {

/// Returns notes of `severity`, with the place of each option, sorted. The checks use the rights of
/// the user who runs --check.
Diagnostics preflight(const Config& config, Severity severity);

}  // namespace culvert
