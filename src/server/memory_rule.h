// SPDX-License-Identifier: GPL-3.0-or-later
// The rule of memory-limit: each worker has an equal share, and a share has a least size. How many
// workers there are, only the server knows. Thread: control (or start).
#pragma once

#include <cstddef>
#include <string>

#include "config/config.h"
#include "config/diagnostics.h"

namespace culvert {

/// The smallest share of a worker.
inline constexpr size_t kLeastMemoryShare = 2 * 1024 * 1024;

/// The number of workers that a start with these options has, and why.
struct WorkerCount {
  unsigned workers;
  std::string reason;
};
WorkerCount workerCountOf(const GlobalOptions& global);

/// Adds an error if memory-limit is too small for `workers` workers.
void checkMemoryLimit(const GlobalOptions& global, size_t workers, Diagnostics& diagnostics);

/// The share of each of `workers` workers; 0 if memory-limit is off.
size_t memoryShareOf(const GlobalOptions& global, size_t workers);

}  // namespace culvert
