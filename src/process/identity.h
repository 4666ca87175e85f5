// SPDX-License-Identifier: GPL-3.0-or-later
// `user` and `group` of the configuration as ids, for the start and for --check. Thread: control.
#pragma once

#include <optional>

#include "config/config.h"
#include "config/diagnostics.h"
#include "process/privileges.h"

namespace culvert {

/// Empty where no `user` is set, or where an error was added to `diagnostics`, at the key that is
/// wrong. That this process cannot become the user has the severity `unreachable`: the start fails
/// by it, a check is often run by somebody else.
std::optional<Identity> identityOf(const GlobalOptions& global, Severity unreachable,
                                   Diagnostics& diagnostics);

}  // namespace culvert
