// SPDX-License-Identifier: GPL-3.0-or-later
// The ALPN protocol names in IANA's registry. culvert uses them to find typing errors. Thread: any.
#pragma once

#include <string>
#include <string_view>

namespace culvert {

/// Returns true if the registry has this name. The registry does not contain GREASE values and
/// private names.
bool isRegisteredAlpn(std::string_view name);

/// Returns the registered names that the operator probably meant, in the syntax of the file; "" if
/// no name is similar.
std::string alpnMeant(std::string_view name);

}  // namespace culvert
