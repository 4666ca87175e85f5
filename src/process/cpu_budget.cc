// SPDX-License-Identifier: GPL-3.0-or-later
// Affinity and cgroup CPU quotas. The quotas of the process's cgroup and of all its parents apply,
// so every level is read. A level that cannot be read counts as unlimited.
#include "process/cpu_budget.h"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <vector>

namespace culvert {
namespace {

unsigned affinityCpus() {
  // The kernel refuses a mask that is smaller than the kernel's own mask. On machines with more
  // than 1024 CPUs, cpu_set_t is too small.
  for (size_t cpus = 1024; cpus <= 65536; cpus *= 4) {
    std::vector<cpu_set_t> mask(CPU_ALLOC_SIZE(cpus) / sizeof(cpu_set_t) + 1);
    size_t bytes = mask.size() * sizeof(cpu_set_t);
    if (sched_getaffinity(0, bytes, mask.data()) == 0) {
      return unsigned(std::max(1, CPU_COUNT_S(bytes, mask.data())));
    }
  }
  return unsigned(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
}

/// The quota of one cgroup in CPUs; nullopt if the cgroup has no quota.
std::optional<double> quotaV2(const std::string& directory) {
  std::ifstream file(directory + "/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return std::nullopt;
  std::istringstream number(quota);
  double time = 0;
  if (!(number >> time) || time <= 0) return std::nullopt;
  return time / period;
}

std::optional<double> quotaV1(const std::string& directory) {
  std::ifstream quotaFile(directory + "/cpu.cfs_quota_us");
  std::ifstream periodFile(directory + "/cpu.cfs_period_us");
  double quota = 0;
  double period = 0;
  if (!(quotaFile >> quota) || !(periodFile >> period) || quota <= 0 || period <= 0)
    return std::nullopt;
  return quota / period;
}

using QuotaReader = std::optional<double> (*)(const std::string& directory);

/// Lowers `smallest` to the smallest quota of `mount`/`path` and its parents. Some levels may not
/// exist, because a container may see its own cgroup as the mount's root. Such levels count as "no
/// quota".
void takeSmallest(std::optional<double>& smallest, const std::string& mount, std::string path,
                  QuotaReader read) {
  while (true) {
    while (!path.empty() && path.back() == '/') path.pop_back();
    if (auto quota = read(mount + path); quota && (!smallest || *quota < *smallest))
      smallest = quota;
    if (path.empty()) return;
    path.erase(path.rfind('/') == path.npos ? 0 : path.rfind('/'));
  }
}

bool namesCpu(std::string_view controllers) {
  while (!controllers.empty()) {
    size_t comma = controllers.find(',');
    if (controllers.substr(0, comma) == "cpu") return true;
    controllers.remove_prefix(comma == controllers.npos ? controllers.size() : comma + 1);
  }
  return false;
}

std::optional<double> cgroupQuota(const std::string& root) {
  std::optional<double> smallest;
  const std::string mounts = root + "/sys/fs/cgroup";
  std::ifstream file(root + "/proc/self/cgroup");
  // "0::/path" is version 2, "4:cpu,cpuacct:/path" version 1 (cgroups(7)).
  for (std::string line; std::getline(file, line);) {
    size_t first = line.find(':');
    size_t second = first == line.npos ? first : line.find(':', first + 1);
    if (second == line.npos) continue;
    std::string controllers = line.substr(first + 1, second - first - 1);
    std::string path = line.substr(second + 1);
    if (path.find("/..") != path.npos) path.clear();  // a cgroup outside our namespace's root
    if (controllers.empty()) {
      takeSmallest(smallest, mounts, path, quotaV2);
      takeSmallest(smallest, mounts + "/unified", path, quotaV2);
    } else if (namesCpu(controllers)) {
      takeSmallest(smallest, mounts + "/" + controllers, path, quotaV1);
      takeSmallest(smallest, mounts + "/cpu", path, quotaV1);
    }
  }
  return smallest;
}

}  // namespace

CpuBudget detectCpuBudget(const std::string& root, unsigned affinity) {
  if (affinity == 0) affinity = affinityCpus();
  CpuBudget budget;
  budget.workers = affinity;
  budget.reason = fmt::format("affinity {}", affinity);
  if (auto quota = cgroupQuota(root)) {
    // A rounding error (2.0000001) must not become a third CPU.
    unsigned whole = unsigned(std::clamp(std::ceil(*quota - 1e-6), 1.0, 65536.0));
    budget.workers = std::min(affinity, whole);
    budget.reason += fmt::format(", cgroup quota {:.4g} -> {}", *quota, whole);
  }
  return budget;
}

}  // namespace culvert
