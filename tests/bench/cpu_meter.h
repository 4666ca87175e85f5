// SPDX-License-Identifier: GPL-3.0-or-later
// CpuMeter reads what a set of processes has used of the CPU: their own clocks, which count every
// thread, also those that have ended, to the nanosecond; their reaped children; and how long their
// threads waited for a CPU that somebody else had.
#pragma once

#include <dirent.h>

#include <fstream>
#include <sstream>
#include <vector>

#include "bench.h"

namespace culvert::bench {

class CpuMeter {
 public:
  struct Reading {
    uint64_t cpuNs = 0;
    uint64_t waitNs = 0;  // runnable, but not running (threads that live)
  };

  /// `pids` is a comma-separated list.
  explicit CpuMeter(const std::string& pids) {
    std::stringstream in(pids);
    for (std::string pid; std::getline(in, pid, ',');) {
      if (!pid.empty()) pids_.push_back(static_cast<pid_t>(std::stol(pid)));
    }
  }

  Reading read() const {
    Reading sum;
    for (const pid_t pid : pids_) {
      clockid_t clock;
      timespec t{};
      if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        die("a measured process is gone");
      sum.cpuNs += static_cast<uint64_t>(t.tv_sec) * 1000000000u + static_cast<uint64_t>(t.tv_nsec);
      sum.cpuNs += reapedChildrenNs(pid);
      sum.waitNs += threadsWaitNs(pid);
    }
    return sum;
  }

 private:
  static uint64_t reapedChildrenNs(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    std::getline(file, line);
    std::istringstream fields(line.substr(line.rfind(')') + 1));
    std::string skipped;
    uint64_t user = 0, system = 0;
    for (int i = 3; i < 16; ++i)
      fields >> skipped;  // fields 3 to 15; cutime and cstime are 16 and 17
    fields >> user >> system;
    return (user + system) * (1000000000u / static_cast<uint64_t>(sysconf(_SC_CLK_TCK)));
  }

  static uint64_t threadsWaitNs(pid_t pid) {
    const std::string path = "/proc/" + std::to_string(pid) + "/task";
    DIR* tasks = opendir(path.c_str());
    if (tasks == nullptr) return 0;
    uint64_t sum = 0;
    while (const dirent* entry = readdir(tasks)) {
      if (entry->d_name[0] == '.') continue;
      std::ifstream file(path + "/" + entry->d_name + "/schedstat");
      uint64_t ran = 0, waited = 0;
      if (file >> ran >> waited) sum += waited;
    }
    closedir(tasks);
    return sum;
  }

  std::vector<pid_t> pids_;
};

}  // namespace culvert::bench
