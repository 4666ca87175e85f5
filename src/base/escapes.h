// SPDX-License-Identifier: GPL-3.0-or-later
// Reads the escapes by which a line of the configuration writes arbitrary bytes. Thread: any.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace culvert {

/// Replaces the escapes \r \n \t \0 \\ and \xHH by their bytes; all other characters stand for
/// themselves. The error names the first wrong escape, and its position, counted from 1.
Result<std::string> readEscapes(std::string_view text);

}  // namespace culvert
