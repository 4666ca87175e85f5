// SPDX-License-Identifier: GPL-3.0-or-later
// How many CPUs this process may use: its affinity mask, cut by the CPU quotas of its cgroup
// (version 2 or 1) and of all groups above. `workers = auto` is that number. Thread: start.
#pragma once

#include <string>

namespace culvert {

struct CpuBudget {
  unsigned workers = 1;  ///< at least 1
  std::string reason;    ///< "affinity 2, cgroup quota 1.5 -> 2", for the start-up line
};

/// `root` is put before /proc and /sys (for tests). An `affinity` other than 0 replaces
/// sched_getaffinity().
CpuBudget detectCpuBudget(const std::string& root = "", unsigned affinity = 0);

}  // namespace culvert
