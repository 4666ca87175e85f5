// SPDX-License-Identifier: GPL-3.0-or-later
// Looks up `user` and `group` of the configuration, for the start and for --check. Thread: control.
#pragma once

#include <optional>

#include "config/config.h"
#include "config/diagnostics.h"
#include "process/privileges.h"

namespace culvert {

/// Returns nullopt if `user` is not set, or after an error. Adds an error to `diagnostics` with the
/// option's key. `unreachable` is the severity of "this process cannot become the user": an error
/// for a start, and a note for --check. The reason is that --check often runs as another user.
std::optional<Identity> identityOf(const GlobalOptions& global, Severity unreachable,
                                   Diagnostics& diagnostics);

}  // namespace culvert
