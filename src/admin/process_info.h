// SPDX-License-Identifier: GPL-3.0-or-later
// What the kernel knows of this process: memory, CPU time, descriptors. Thread: any.
#pragma once

#include <cstdint>
#include <optional>

namespace culvert {

struct ProcessInfo {
  double started = 0;  ///< Unix time; the caller sets it
  double cpuSeconds = 0;
  uint64_t residentBytes = 0;
  uint64_t virtualBytes = 0;
  std::optional<uint64_t> openFds;
  uint64_t maxFds = 0;
};

/// Reads everything but `started`. What cannot be read stays 0 or empty.
ProcessInfo readProcessInfo();

}  // namespace culvert
