// SPDX-License-Identifier: GPL-3.0-or-later
// See stray_thread.h.
#include "base/stray_thread.h"

#include <condition_variable>
#include <mutex>
#include <utility>

#include "base/thread.h"

namespace culvert {

struct StrayThread::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  bool finished = false;
};

Result<void> StrayThread::start(const char* name, const std::function<void()>& onStart,
                                std::function<void()> body) {
  auto shared = std::make_shared<Shared>();
  auto thread = startThread(name, onStart, [shared, body = std::move(body)] {
    body();
    const std::lock_guard lock(shared->mutex);
    shared->finished = true;
    shared->changed.notify_all();
  });
  if (!thread) return tl::unexpected(thread.error());
  shared_ = std::move(shared);
  thread_ = std::move(*thread);
  return {};
}

bool StrayThread::stop(Millis patience) {
  if (!running()) return true;
  std::unique_lock lock(shared_->mutex);
  const bool finished =
      shared_->changed.wait_for(lock, patience, [this] { return shared_->finished; });
  lock.unlock();
  if (finished) {
    thread_.join();
  } else {
    thread_.detach();
  }
  shared_.reset();
  return finished;
}

}  // namespace culvert
