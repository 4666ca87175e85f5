// SPDX-License-Identifier: GPL-3.0-or-later
// Turns the configuration into Services: addresses become backend targets, files become
// credentials, and names of suites and groups become numbers. Objects that have not changed since
// the previous configuration are kept, so a reload does not copy unchanged contexts and
// certificates. The modules that server/ uses get Services and not the configuration. Thread:
// control.
#pragma once

#include "backend/resolver.h"
#include "config/config.h"
#include "config/option_table.h"
#include "service/runtime.h"

namespace culvert {

/// Returns the checks that the config module cannot make itself (addresses, suites, groups).
Validators serverValidators();

/// Builds every service. All errors (exit code 4) and warnings go to `diagnostics`, with the place
/// of the option. Reads certificates and keys. `before` is nullptr at the start. With `strict`, a
/// certificate that clients refuse is an error, although a start would serve it. `counts` has the
/// numbers of the services, which are counted only if metrics or admin is set; nullptr in checks.
Runtime buildRuntime(const Config& config, const Runtime* before, Resolver& resolver,
                     Diagnostics& diagnostics, bool strict = false,
                     ServiceCountsTable* counts = nullptr);

/// True if somebody may look at what culvert measures.
bool measures(const GlobalOptions& global);

/// Opens the key log files, before privileges are dropped. A file that cannot be opened is an
/// error.
void openKeyLogs(const Config& config, const Runtime& runtime, Diagnostics& diagnostics);

}  // namespace culvert
