// SPDX-License-Identifier: GPL-3.0-or-later
// OcspThread runs an OcspFetcher on a thread of its own, `culvert-ocsp`, which exists from the
// first certificate on that is fetched for. It talks to strangers, so it is not the control thread,
// which keeps rights for reloads. Thread: control.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "certs/ocsp_fetcher.h"

namespace culvert {

class OcspThread {
 public:
  /// `onThreadStart` runs first in each thread that is made here.
  OcspThread(Logger& logger, CounterRegistry& registry, std::function<void()> onThreadStart);
  ~OcspThread();  ///< cancels what is under way and joins
  OcspThread(const OcspThread&) = delete;
  OcspThread& operator=(const OcspThread&) = delete;

  /// From now on these are kept supplied.
  Result<void> follow(std::vector<OcspTask> tasks);

 private:
  struct Running;

  Logger& logger_;
  CounterRegistry& registry_;
  const std::function<void()> onThreadStart_;
  std::unique_ptr<Running> running_;
};

}  // namespace culvert
