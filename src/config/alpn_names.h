// SPDX-License-Identifier: GPL-3.0-or-later
// The protocol names (ALPN) in IANA's registry, used to find typing errors. Thread: any.
#pragma once

#include <string>
#include <string_view>

namespace culvert {

/// Whether the registry has this name. It lacks GREASE values and private names.
bool isRegisteredAlpn(std::string_view name);

/// The registered name or names that were probably meant, in the syntax of the file; "" if none is
/// similar.
std::string alpnMeant(std::string_view name);

}  // namespace culvert
