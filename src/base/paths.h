// SPDX-License-Identifier: GPL-3.0-or-later
// Questions about file paths. Thread: any.
#pragma once

#include <string>
#include <string_view>

namespace culvert {

/// 0, or the errno that prevents this process from creating a file with that path.
int cannotCreate(const std::string& path);

/// For a path that cannot be opened: nothing, or a note that its quotes count as part of the name.
std::string quoteNote(std::string_view path);

}  // namespace culvert
