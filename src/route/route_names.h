// SPDX-License-Identifier: GPL-3.0-or-later
// Reads one value of match-name. Thread: any.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace culvert {

/// Returns the name in lower case, as RouteMatch needs it: `www.example.org` or `*.example.org`. It
/// refuses what no client can ask for: addresses, a `*` elsewhere, empty or too long labels. The
/// error says what is wrong and what is allowed.
Result<std::string> parseMatchName(std::string_view text);

}  // namespace culvert
