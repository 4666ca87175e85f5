// SPDX-License-Identifier: GPL-3.0-or-later
// What this binary is: its own version, the libraries in it and how they were built. Thread: any.
#pragma once

#include <string>

namespace culvert {

/// "0.1.0 (v0.1.0-3-gabcdef)": one line.
std::string versionText();

/// The text of -V.
std::string versionReport();

}  // namespace culvert
