// SPDX-License-Identifier: GPL-3.0-or-later
// DirectoryWatcher uses inotify to report a change in any of several directories. It reports the
// change at once, but not what has changed. inotify does not see writes to a network file system by
// another machine, and the user may have no watches left. So the owner must also check the
// directories at intervals. Thread: loop.
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

  /// Watches exactly these directories from now on. Returns the number of directories that cannot
  /// be watched. They do not exist, they are not readable, or this user has reached
  /// fs.inotify.max_user_watches. The next call tries them again.
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
