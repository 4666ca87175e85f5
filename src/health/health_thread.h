// SPDX-License-Identifier: GPL-3.0-or-later
// HealthThread runs a Prober on its own thread, `culvert-check`. The thread starts when the first
// service has a health check, and stays until culvert stops. Thread: control.
#pragma once

#include <memory>
#include <vector>

#include "health/prober.h"

namespace culvert {

class HealthThread {
 public:
  /// Descriptors that the thread may have open: its loop and the first probes.
  static constexpr size_t kDescriptors = 5 + Prober::kOwnDescriptors;

  /// Makes the hooks of the prober, when the thread starts.
  using MakeHooks = std::function<ProberHooks()>;

  /// `onThreadStart` runs first in the new thread. `budget` outlives the HealthThread.
  HealthThread(TunnelBudget& budget, std::function<void()> onThreadStart, MakeHooks makeHooks);
  ~HealthThread();
  HealthThread(const HealthThread&) = delete;
  HealthThread& operator=(const HealthThread&) = delete;

  /// Checks `services`, which may be empty, instead of those before. Starts the thread if it is
  /// needed. Does not wait for the thread.
  Result<void> follow(std::vector<std::shared_ptr<const Service>> services);

  /// Cancels the probes in progress and joins the thread.
  void stop();

  bool running() const { return running_ != nullptr; }

 private:
  struct Running;

  TunnelBudget& budget_;
  const std::function<void()> onThreadStart_;
  const MakeHooks makeHooks_;
  std::unique_ptr<Running> running_;
};

}  // namespace culvert
