// SPDX-License-Identifier: GPL-3.0-or-later
// DirectoryWatcher tells that something has changed in one of many directories, through inotify: at
// once, and not what. What happens beyond its sight (another machine's write to a network file
// system, no watch left for this user) its owner has to find by looking now and then. Thread: loop.
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

  /// Fails where the system has no inotify left for this user (fs.inotify.max_user_instances).
  Result<void> open();

  /// Watches these directories and no others from now on. Returns how many could not be watched:
  /// they are not there, may not be read, or fs.inotify.max_user_watches is reached. Each call
  /// tries those again.
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
