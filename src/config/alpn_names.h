// SPDX-License-Identifier: GPL-3.0-or-later
// The ALPN protocol names in IANA's registry, in which culvert looks for typing errors. Thread:
// any.
#pragma once

#include <string>
#include <string_view>

namespace culvert {

/// Returns true if IANA's registry has this name. GREASE values and private names are not in the
/// registry.
bool isRegisteredAlpn(std::string_view name);

/// Suggests registered names for the unregistered `name`, in the syntax of the configuration file.
/// Returns "" if no registered name is similar.
std::string alpnMeant(std::string_view name);

}  // namespace culvert
