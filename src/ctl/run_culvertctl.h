// SPDX-License-Identifier: GPL-3.0-or-later
// culvertctl as a function: everything that main() does after the standard streams are open.
#pragma once

#include <string>
#include <vector>

namespace culvert {

/// Runs one command of culvertctl. `arguments` are without the program's name. Returns the exit
/// code (ctl_exit.def). Thread: main.
int runCulvertctl(const std::vector<std::string>& arguments);

}  // namespace culvert
