// SPDX-License-Identifier: GPL-3.0-or-later
// DirectoryWatcher uses inotify to report a change in any of several directories. It reports the
// change at once, but not what has changed. It misses changes by another machine on a network file
// system, and changes in directories beyond the user's limit of inotify watches. So the owner must
// also check the directories at intervals. Thread: loop.
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

  /// Creates the inotify instance. Fails if this user has reached fs.inotify.max_user_instances.
  Result<void> open();

  /// Replaces the set of watched directories. Returns the number of directories that cannot be
  /// watched. Such a directory does not exist or is not readable, or this user has reached
  /// fs.inotify.max_user_watches. The next call tries to watch it again.
  size_t watch(const std::vector<std::string>& directories);

 private:
  void onReadable();

  EventLoop& loop_;
  void* context_;
  Callback onChange_;
  UniqueFd fd_;
  std::unique_ptr<IoWatcher> watcher_;
  std::unordered_map<std::string, int> watches_;  // watch descriptors by path
};

}  // namespace culvert
