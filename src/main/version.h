// SPDX-License-Identifier: GPL-3.0-or-later
// Describes this binary: culvert's version, and the libraries with their versions and build
// options. Thread: any.
#pragma once

#include <string>

namespace culvert {

/// Returns the version in one line, for example "0.1.0 (v0.1.0-3-gabcdef)".
std::string versionText();

/// Returns the text of -V.
std::string versionReport();

}  // namespace culvert
