// SPDX-License-Identifier: GPL-3.0-or-later
// Sets text for help pages and manual pages. Thread: any.
#pragma once

#include <string>
#include <string_view>

namespace culvert {

/// Wraps `text` into lines of at most `width` bytes, each starting with `indent`.
std::string wrapWords(std::string_view text, size_t width, std::string_view indent);

/// Returns `text` with escapes for roff: backslashes, hyphens and leading control characters.
std::string roffText(std::string_view text);

}  // namespace culvert
