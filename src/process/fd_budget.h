// SPDX-License-Identifier: GPL-3.0-or-later
// A tunnel needs two descriptors. This raises RLIMIT_NOFILE to what `max-tunnels` needs and
// computes how many tunnels fit. culvert then pauses accepting before it meets EMFILE. Thread:
// start (before the privilege drop).
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
  size_t own = 0;         ///< descriptors that do not belong to tunnels, counted and expected at
                          ///< the start
  size_t maxTunnels = 1;  ///< effective, at least 1
  bool reduced = false;   ///< fewer than configured: culvert warns
  std::string reason;     ///< "max-tunnels 10000 -> 4984: 9999 descriptors, 15 own, 2 a tunnel"
};

/// Spare descriptors beside `own`: files read by a reload, a few new listeners.
inline constexpr size_t kSpareFds = 16;
/// Without a configured limit, the soft limit is raised to the hard limit, but not beyond this.
inline constexpr size_t kMaxAutoNofile = 1048576;

/// The pure part. `configured` = max-tunnels (0 = no limit), `own` = descriptors that culvert
/// itself has or will open, `mayRaiseHard` = CAP_SYS_RESOURCE, `ceiling` = fs.nr_open.
FdBudget planFdBudget(size_t configured, size_t own, FdLimits present, bool mayRaiseHard,
                      size_t ceiling);

/// Plans with the limits of this process, sets them, and plans again with what the kernel granted.
/// Never fails: `reason` and `maxTunnels` show a limit that the kernel refused. `expectedOwn` =
/// what threads, listeners and logs will open from now on. Descriptors that are open now are
/// counted.
FdBudget applyFdBudget(size_t configured, size_t expectedOwn);

/// For a reload: the same with the `own` of the start, because most descriptors that are open now
/// belong to tunnels.
FdBudget reapplyFdBudget(size_t configured, const FdBudget& before);

/// Descriptors open in this process now.
size_t countOpenFds();

}  // namespace culvert
