// SPDX-License-Identifier: GPL-3.0-or-later
// `user` and `group` of the configuration as ids, for the start and for --check. Thread: control.
#pragma once

#include <optional>

#include "config/config.h"
#include "config/diagnostics.h"
#include "process/privileges.h"

namespace culvert {

/// Returns nullopt if `user` is not set, or after an error, which is added to `diagnostics` with
/// the key that is wrong. `unreachable` is the severity of "this process cannot become the user":
/// an error for a start, less for a check, which is often run by another user.
std::optional<Identity> identityOf(const GlobalOptions& global, Severity unreachable,
                                   Diagnostics& diagnostics);

}  // namespace culvert
