// SPDX-License-Identifier: GPL-3.0-or-later
// culvert as a function: everything that main() does after the standard streams are open.
#pragma once

#include <string>
#include <vector>

namespace culvert {

/// Runs the action that the command line requests. `arguments` are without the program's name.
/// Returns the exit code (docs/operations.md). Thread: main.
int runCulvert(const std::vector<std::string>& arguments);

}  // namespace culvert
