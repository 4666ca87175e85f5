// SPDX-License-Identifier: GPL-3.0-or-later
// See health_thread.h.
#include "health/health_thread.h"

#include <utility>

#include "base/thread.h"

namespace culvert {

struct HealthThread::Running {
  EventLoop loop;
  Prober prober;
  std::thread thread;

  Running(TunnelBudget& budget, ProberHooks hooks) : prober(loop, budget, std::move(hooks)) {}
};

HealthThread::HealthThread(TunnelBudget& budget, std::function<void()> onThreadStart,
                           MakeHooks makeHooks)
    : budget_(budget), onThreadStart_(std::move(onThreadStart)), makeHooks_(std::move(makeHooks)) {}

HealthThread::~HealthThread() { stop(); }

void HealthThread::stop() {
  if (running_ == nullptr) return;
  // The probes in progress are destroyed on their own thread.
  running_->prober.post([running = running_.get()] {
    running->loop.stop();
    running->prober.follow({});
  });
  running_->thread.join();
  running_.reset();
}

Result<void> HealthThread::follow(std::vector<std::shared_ptr<const Service>> services) {
  if (running_ == nullptr) {
    if (services.empty()) return {};
    auto made = std::make_unique<Running>(budget_, makeHooks_());
    if (auto opened = made->prober.open(); !opened) return opened;
    auto thread =
        startThread("culvert-check", onThreadStart_, [loop = &made->loop] { loop->run(); });
    if (!thread) return tl::unexpected(thread.error());
    made->thread = std::move(*thread);
    running_ = std::move(made);
  }
  running_->prober.post([prober = &running_->prober, services = std::move(services)]() mutable {
    prober->follow(std::move(services));
  });
  return {};
}

}  // namespace culvert
