// SPDX-License-Identifier: GPL-3.0-or-later
// FdBudget is the plan for descriptors; a tunnel needs two descriptors. culvert raises
// RLIMIT_NOFILE to what `max-tunnels` needs and computes how many tunnels fit. With this number,
// culvert can pause accepting before descriptors run out (EMFILE). Thread: start (before the
// privilege drop).
#pragma once

#include <cstddef>
#include <string>

namespace culvert {

struct FdLimits {
  size_t soft = 0;
  size_t hard = 0;
};

struct FdBudget {
  size_t nofile = 0;      ///< the soft limit to be set (planFdBudget) or in force (applyFdBudget)
  size_t hard = 0;        ///< the hard limit to be set or in force
  size_t own = 0;         ///< descriptors that do not belong to tunnels, both open at the start and
                          ///< expected later
  size_t maxTunnels = 1;  ///< the effective max-tunnels, at least 1
  bool reduced = false;   ///< maxTunnels is lower than configured, so culvert warns
  std::string reason;     ///< "max-tunnels 10000 -> 4984: 9999 descriptors, 15 own, 2 a tunnel"
};

/// Spare descriptors in addition to `own`, for the files of a reload and a few new listeners.
inline constexpr size_t kSpareFds = 16;
/// Without a configured limit, the soft limit is raised to the hard limit, but not beyond this
/// number.
inline constexpr size_t kMaxAutoNofile = 1048576;

/// Computes the plan and changes nothing. `configured` is max-tunnels (0 = no limit), and `own` is
/// the number of descriptors that do not belong to tunnels. `mayRaiseHard` is true if the process
/// has CAP_SYS_RESOURCE. `ceiling` is fs.nr_open.
FdBudget planFdBudget(size_t configured, size_t own, FdLimits present, bool mayRaiseHard,
                      size_t ceiling);

/// Makes a plan, sets the limits of this process, and plans again with the limits that the kernel
/// granted. Never fails. If the kernel refuses a limit, `reason` and `maxTunnels` show the result.
/// `expectedOwn` is how many descriptors threads, listeners and logs will open later. Descriptors
/// that are open now are added.
FdBudget applyFdBudget(size_t configured, size_t expectedOwn);

/// For a reload. Does the same as applyFdBudget(), but does not count open descriptors, because
/// most of them belong to tunnels. Uses `own` of `before` instead, which was counted at the start.
FdBudget reapplyFdBudget(size_t configured, const FdBudget& before);

/// The number of descriptors that this process has open now.
size_t countOpenFds();

}  // namespace culvert
