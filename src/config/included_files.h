// SPDX-License-Identifier: GPL-3.0-or-later
// Finds and reads the files that the option include names. Thread: start, then control.
#pragma once

#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "config/ini_reader.h"

namespace culvert {

/// Maximum number of files that one pattern may match.
inline constexpr size_t kMostIncludedFiles = 10'000;

struct IncludedFiles {
  std::vector<RawDocument> documents;  ///< one for each file, in the order of their paths
  bool complete = true;                ///< false if a file could not be read
};

/// Reads the files that match the pattern of `include`. A relative pattern starts at the directory
/// of `mainFile`, or at the working directory if `mainFile` is empty. `mainFile` itself never
/// counts as a match. A pattern that matches nothing gives a warning, a plain name without a file an
/// error. Does nothing if the value is empty or not allowed.
IncludedFiles readIncludedFiles(const RawEntry& include, const std::string& mainFile,
                                Diagnostics& diagnostics);

}  // namespace culvert
