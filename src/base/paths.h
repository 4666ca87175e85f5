// SPDX-License-Identifier: GPL-3.0-or-later
// Questions about file paths. Thread: any.
#pragma once

#include <string>

namespace culvert {

/// 0, or the errno that keeps this process from making a file of that path in its directory.
int cannotCreate(const std::string& path);

}  // namespace culvert
