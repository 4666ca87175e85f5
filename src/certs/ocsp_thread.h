// SPDX-License-Identifier: GPL-3.0-or-later
// OcspThread runs an OcspFetcher on its own thread, `culvert-ocsp`. The thread starts when the
// first certificate needs a response. The fetcher does not run on the control thread, because it
// talks to untrusted servers and the control thread keeps privileges for reloads. Thread: control.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "certs/ocsp_fetcher.h"
#include "stats/counter_registry.h"

namespace culvert {

class OcspThread {
 public:
  /// `onThreadStart` runs first in each thread that OcspThread creates.
  OcspThread(Logger& logger, CounterRegistry& registry, std::function<void()> onThreadStart);
  ~OcspThread();  ///< cancels exchanges in progress and joins the thread
  OcspThread(const OcspThread&) = delete;
  OcspThread& operator=(const OcspThread&) = delete;

  /// Replaces the fetcher's tasks, and starts the thread if it is needed.
  Result<void> follow(std::vector<OcspTask> tasks);

 private:
  struct Running;

  Logger& logger_;
  CounterRegistry& registry_;
  const std::function<void()> onThreadStart_;
  std::unique_ptr<Running> running_;
};

}  // namespace culvert
