// SPDX-License-Identifier: GPL-3.0-or-later
// Checks of file paths. Thread: any.
#pragma once

#include <string>
#include <string_view>

namespace culvert {

/// Returns 0 if this process can create a file in the directory of `path`, otherwise the errno that
/// prevents it.
int cannotCreate(const std::string& path);

/// Returns a hint for a path that cannot be opened. If the path is in quotes, the hint says that
/// the quotes count as part of the path. Otherwise the hint is empty.
std::string quoteNote(std::string_view path);

}  // namespace culvert
