// SPDX-License-Identifier: GPL-3.0-or-later
// DirectoryWatcher reports through inotify that something has changed in one of many directories.
// It reports at once, but not what changed. inotify misses writes to a network file system by
// another machine, and a user may have no watches left. So the owner must also check now and then.
// Thread: loop.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "event/io_watcher.h"

namespace culvert {

class DirectoryWatcher {
 public:
  using Callback = void (*)(void* context);

  DirectoryWatcher(EventLoop& loop, void* context, Callback onChange);

  /// Fails if this user has no inotify instance left (fs.inotify.max_user_instances).
  Result<void> open();

  /// Watches exactly these directories from now on. Returns how many could not be watched: they do
  /// not exist, are not readable, or fs.inotify.max_user_watches is reached. Each call tries those
  /// again.
  size_t watch(const std::vector<std::string>& directories);

 private:
  void onReadable();

  EventLoop& loop_;
  void* context_;
  Callback onChange_;
  UniqueFd fd_;
  std::unique_ptr<IoWatcher> watcher_;
  std::unordered_map<std::string, int> watches_;  // by path
};

}  // namespace culvert
