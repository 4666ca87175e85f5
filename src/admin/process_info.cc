// SPDX-License-Identifier: GPL-3.0-or-later
// See process_info.h.
#include "admin/process_info.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <memory>

namespace culvert {
namespace {

struct FileCloser {
  void operator()(std::FILE* file) const { (void)std::fclose(file); }
};
struct DirectoryCloser {
  void operator()(DIR* directory) const { (void)::closedir(directory); }
};

void readMemory(ProcessInfo& info) {
  const std::unique_ptr<std::FILE, FileCloser> file(std::fopen("/proc/self/statm", "re"));
  unsigned long pages = 0;
  unsigned long resident = 0;
  if (file == nullptr || std::fscanf(file.get(), "%lu %lu", &pages, &resident) != 2) return;
  const auto pageSize = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  info.virtualBytes = pages * pageSize;
  info.residentBytes = resident * pageSize;
}

/// Since Linux 6.2 the size of the directory is the number of descriptors. Older kernels say 0.
std::optional<uint64_t> countDescriptors() {
  constexpr const char* kPath = "/proc/self/fd";
  const std::unique_ptr<DIR, DirectoryCloser> directory(::opendir(kPath));
  if (directory == nullptr) return std::nullopt;  // only root may, after a change of the user
  struct stat status {};
  if (::fstat(::dirfd(directory.get()), &status) == 0 && status.st_size > 1)
    return static_cast<uint64_t>(status.st_size) - 1;  // not the one that reads
  uint64_t count = 0;
  while (const dirent* entry = ::readdir(directory.get())) count += entry->d_name[0] != '.' ? 1 : 0;
  return count > 0 ? count - 1 : 0;
}

}  // namespace

ProcessInfo readProcessInfo() {
  ProcessInfo info;
  readMemory(info);
  info.openFds = countDescriptors();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) info.maxFds = limit.rlim_cur;
  timespec used{};
  if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0)
    info.cpuSeconds = static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
  return info;
}

}  // namespace culvert
