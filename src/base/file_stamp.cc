// SPDX-License-Identifier: GPL-3.0-or-later
// See file_stamp.h.
#include "base/file_stamp.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <ctime>
#include <deque>

namespace culvert {

namespace {

constexpr int kMostHops = 40;  // the same as the kernel's limit for symbolic links

int64_t nanos(const timespec& time) { return time.tv_sec * 1'000'000'000LL + time.tv_nsec; }

/// Splits a path such as "a/b//c" and inserts its components before the components in `rest`.
void prepend(std::deque<std::string>& rest, const std::string& path) {
  std::vector<std::string> parts;
  for (size_t at = 0; at < path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    if (end > at) parts.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  rest.insert(rest.begin(), parts.begin(), parts.end());
}

}  // namespace

FileStamp stampOf(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {info.st_dev,         info.st_ino,         info.st_size,
          nanos(info.st_mtim), nanos(info.st_ctim), S_ISREG(info.st_mode)};
}

bool FileStamp::settled(int64_t nanos) const {
  const int64_t now = wallNanos();
  return !exists() || changed + nanos <= now || changed > now;
}

int64_t wallNanos() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return nanos(now);
}

std::vector<std::string> directoriesTowards(const std::string& path) {
  std::vector<std::string> found;
  const auto add = [&found](const std::string& directory) {
    const std::string name = directory.empty() ? "." : directory;
    if (std::find(found.begin(), found.end(), name) == found.end()) found.push_back(name);
  };
  std::deque<std::string> rest;
  prepend(rest, path);
  std::string here = path.starts_with('/') ? "/" : "";
  for (int links = 0; !rest.empty();) {
    const std::string part = rest.front();
    rest.pop_front();
    std::string next = here;
    if (!next.empty() && !next.ends_with('/')) next += '/';
    next += part;
    char target[PATH_MAX];
    const ssize_t size = ::readlink(next.c_str(), target, sizeof target);
    if (size > 0 && ++links <= kMostHops) {
      add(here);
      const std::string leads(target, static_cast<size_t>(size));
      if (leads.starts_with('/')) here.assign(1, '/');
      prepend(rest, leads);
      continue;
    }
    if (rest.empty()) add(here);
    here = next;
  }
  return found;
}

}  // namespace culvert
