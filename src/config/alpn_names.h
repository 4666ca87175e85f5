// SPDX-License-Identifier: GPL-3.0-or-later
// The protocol names (ALPN) that IANA's registry lists, to find slips of the pen. Thread: any.
#pragma once

#include <string>
#include <string_view>

namespace culvert {

/// Whether the registry lists this name. GREASE and names of one's own are not there.
bool isRegisteredAlpn(std::string_view name);

/// The registered name or names that were probably meant, as one would write them in the file; ""
/// if none is near.
std::string alpnMeant(std::string_view name);

}  // namespace culvert
