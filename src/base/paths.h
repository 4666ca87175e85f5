// SPDX-License-Identifier: GPL-3.0-or-later
// Questions about file paths. Thread: any.
#pragma once

#include <string>
#include <string_view>

namespace culvert {

/// 0, or the errno that keeps this process from making a file of that path in its directory.
int cannotCreate(const std::string& path);

/// For a path that cannot be opened: nothing, or a note that its quotes are taken as part of the name.
std::string quoteNote(std::string_view path);

}  // namespace culvert
