// SPDX-License-Identifier: GPL-3.0-or-later
// See directory_watcher.h.
#include "event/directory_watcher.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <unordered_set>

#include "event/callback.h"

namespace culvert {

namespace {

// IN_ATTRIB reports two changes: the last hard link to a replaced file was removed, or permissions
// have changed.
constexpr uint32_t kEvents = IN_CLOSE_WRITE | IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                             IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

}  // namespace

DirectoryWatcher::DirectoryWatcher(EventLoop& loop, void* context, Callback onChange)
    : loop_(loop), context_(context), onChange_(onChange) {}

Result<void> DirectoryWatcher::open() {
  fd_.reset(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd_) return failErrno("inotify", errno);
  watcher_ = std::make_unique<IoWatcher>(loop_, fd_.get(), this,
                                         call<&DirectoryWatcher::onReadable>, nullptr);
  if (!watcher_->watch(true, false)) return failErrno("inotify", errno);
  return {};
}

size_t DirectoryWatcher::watch(const std::vector<std::string>& directories) {
  if (!fd_) return directories.size();
  size_t failed = 0;
  std::unordered_map<std::string, int> now;
  for (const std::string& directory : directories) {
    // Add a watch even for a path that is watched already, because the path may now lead to another
    // directory.
    const int number = ::inotify_add_watch(fd_.get(), directory.c_str(), kEvents);
    if (number >= 0) {
      now.emplace(directory, number);
    } else {
      ++failed;
    }
  }
  std::unordered_set<int> kept;
  for (const auto& [path, number] : now) kept.insert(number);
  for (const auto& [path, number] : watches_)
    if (!kept.contains(number)) ::inotify_rm_watch(fd_.get(), number);
  watches_ = std::move(now);
  return failed;
}

void DirectoryWatcher::onReadable() {
  alignas(inotify_event) char events[16 * 1024];
  // Read once in each turn. If events are left, the loop reports them in the next turn. The
  // contents of the events are not used.
  if (::read(fd_.get(), events, sizeof events) > 0) onChange_(context_);
}

}  // namespace culvert
