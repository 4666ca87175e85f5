// SPDX-License-Identifier: GPL-3.0-or-later
// See ocsp_thread.h.
#include "certs/ocsp_thread.h"

#include "base/thread.h"

namespace culvert {

struct OcspThread::Running {
  EventLoop loop;
  OcspFetcher fetcher;
  std::thread thread;

  Running(Logger& logger, CounterBlock& counters, const std::function<void()>& onThreadStart)
      : fetcher(loop, logger, counters, onThreadStart) {}
};

OcspThread::OcspThread(Logger& logger, CounterRegistry& registry,
                       std::function<void()> onThreadStart)
    : logger_(logger), registry_(registry), onThreadStart_(std::move(onThreadStart)) {}

OcspThread::~OcspThread() {
  if (running_ == nullptr) return;
  // Exchanges in progress are destroyed on their own thread.
  running_->fetcher.post([running = running_.get()] {
    running->fetcher.follow({});
    running->loop.stop();
  });
  running_->thread.join();
}

Result<void> OcspThread::follow(std::vector<OcspTask> tasks) {
  if (running_ == nullptr) {
    if (tasks.empty()) return {};
    auto made = std::make_unique<Running>(logger_, registry_.addBlock(), onThreadStart_);
    if (auto opened = made->fetcher.open(); !opened) return opened;
    auto thread =
        startThread("culvert-ocsp", onThreadStart_, [loop = &made->loop] { loop->run(); });
    if (!thread) return tl::unexpected(thread.error());
    made->thread = std::move(*thread);
    running_ = std::move(made);
  }
  running_->fetcher.post([fetcher = &running_->fetcher, tasks = std::move(tasks)]() mutable {
    fetcher->follow(std::move(tasks));
  });
  return {};
}

}  // namespace culvert
