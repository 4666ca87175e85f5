// SPDX-License-Identifier: GPL-3.0-or-later
// --explain prints which service takes a described connection, with which certificate and backend,
// and why the other services of the listen address do not. It connects nowhere. Thread: start.
#pragma once

#include "admin/explain.h"
#include "config/config_source.h"

namespace culvert {

/// Returns the exit code: 0 if a service takes the connection, 1 if none does, 2 if an option has a
/// wrong value, and the exit code of --check if the configuration is not sound.
int explainRoute(const ConfigSource& source, const ExplainOptions& options);

}  // namespace culvert
