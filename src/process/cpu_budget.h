// SPDX-License-Identifier: GPL-3.0-or-later
// Computes how many CPUs this process may use. The limits are the affinity mask of the process, and
// the CPU quotas of its cgroup (version 2 or 1) and of all parent cgroups. `workers = auto` uses
// the computed number. Thread: start.
#pragma once

#include <string>

namespace culvert {

struct CpuBudget {
  unsigned workers = 1;  ///< at least 1
  std::string reason;    ///< "affinity 2, cgroup quota 1.5 -> 2", for the start-up line
};

/// For tests, `root` is a prefix of /proc and /sys, and an `affinity` other than 0 replaces the
/// result of sched_getaffinity().
CpuBudget detectCpuBudget(const std::string& root = "", unsigned affinity = 0);

}  // namespace culvert
