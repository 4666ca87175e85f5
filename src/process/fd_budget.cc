// SPDX-License-Identifier: GPL-3.0-or-later
// Computes the RLIMIT_NOFILE that culvert needs and can get, and how many tunnels this limit
// allows.
#include "process/fd_budget.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/capability.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>

namespace culvert {
namespace {

constexpr size_t kFdsPerTunnel = 2;

size_t tunnelsIn(size_t nofile, size_t own) {
  size_t taken = own + kSpareFds;
  return nofile > taken ? std::max<size_t>(1, (nofile - taken) / kFdsPerTunnel) : 1;
}

void describe(FdBudget& budget, size_t configured, size_t own) {
  budget.own = own;
  budget.maxTunnels = tunnelsIn(budget.nofile, own);
  if (configured != 0 && configured <= budget.maxTunnels) budget.maxTunnels = configured;
  budget.reduced = configured > budget.maxTunnels;
  std::string wanted = configured == 0 ? "no limit" : fmt::format("{}", configured);
  std::string change =
      configured == budget.maxTunnels ? "" : fmt::format(" -> {}", budget.maxTunnels);
  budget.reason = fmt::format("max-tunnels {}{}: {} descriptors, {} own, {} spare, {} a tunnel",
                              wanted, change, budget.nofile, own, kSpareFds, kFdsPerTunnel);
}

size_t fileCeiling() {
  size_t ceiling = 0;
  std::ifstream("/proc/sys/fs/nr_open") >> ceiling;
  return ceiling != 0 ? ceiling : kMaxAutoNofile;
}

bool mayRaiseHard() {
  cap_t caps = cap_get_proc();
  cap_flag_value_t state = CAP_CLEAR;
  if (caps != nullptr) {
    cap_get_flag(caps, CAP_SYS_RESOURCE, CAP_EFFECTIVE, &state);
    cap_free(caps);
  }
  return state == CAP_SET;
}

/// Replaces RLIM_INFINITY by the kernel's ceiling, which is the real limit for descriptors.
FdLimits presentLimits(size_t ceiling) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return {1024, 1024};
  return {size_t(std::min<rlim_t>(limit.rlim_cur, ceiling)),
          size_t(std::min<rlim_t>(limit.rlim_max, ceiling))};
}

}  // namespace

FdBudget planFdBudget(size_t configured, size_t own, FdLimits present, bool mayRaiseHard,
                      size_t ceiling) {
  FdBudget budget;
  budget.nofile = present.soft;
  budget.hard = present.hard;
  // Prevents an overflow. More tunnels than the ceiling are not possible anyway.
  size_t tunnels = std::min(configured, ceiling);
  size_t need = configured == 0 ? std::min(present.hard, kMaxAutoNofile)
                                : tunnels * kFdsPerTunnel + own + kSpareFds;
  if (need > budget.hard && mayRaiseHard)
    budget.hard = std::max(budget.hard, std::min(need, ceiling));
  if (need > budget.nofile) budget.nofile = std::max(budget.nofile, std::min(need, budget.hard));
  describe(budget, configured, own);
  return budget;
}

namespace {

FdBudget apply(size_t configured, size_t own) {
  const size_t ceiling = fileCeiling();
  const FdLimits before = presentLimits(ceiling);
  FdBudget budget = planFdBudget(configured, own, before, mayRaiseHard(), ceiling);
  if (budget.nofile == before.soft && budget.hard == before.hard) return budget;
  const rlimit both{budget.nofile, budget.hard};
  if (setrlimit(RLIMIT_NOFILE, &both) == 0) return budget;
  // The kernel refused the hard limit (a seccomp filter, a user namespace), so set only the soft
  // limit.
  budget = planFdBudget(configured, own, before, false, ceiling);
  const rlimit softOnly{budget.nofile, budget.hard};
  if (setrlimit(RLIMIT_NOFILE, &softOnly) != 0) {
    budget.nofile = before.soft;
    describe(budget, configured, own);
  }
  return budget;
}

}  // namespace

FdBudget applyFdBudget(size_t configured, size_t expectedOwn) {
  return apply(configured, countOpenFds() + expectedOwn);
}

FdBudget reapplyFdBudget(size_t configured, const FdBudget& before) {
  return apply(configured, before.own);
}

size_t countOpenFds() {
  size_t count = 0;
  if (DIR* directory = opendir("/proc/self/fd")) {
    while (const dirent* entry = readdir(directory)) count += entry->d_name[0] != '.' ? 1 : 0;
    closedir(directory);
    return count - 1;  // do not count the descriptor of the directory itself
  }
  for (int fd = 0; fd < 1024; ++fd) count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

}  // namespace culvert
