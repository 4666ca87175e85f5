// SPDX-License-Identifier: GPL-3.0-or-later
// StapleKeeper manages OCSP stapling on the control thread. It reads the response files while the
// process has the privileges, starts OcspThread for fetching, and logs problems. Thread: control.
#pragma once

#include "certs/ocsp_thread.h"
#include "certs/stapling.h"
#include "stats/counter_registry.h"

namespace culvert {

class StapleKeeper {
 public:
  /// `counters` is the block of the control thread.
  StapleKeeper(Logger& logger, CounterBlock& counters) : logger_(logger), counters_(counters) {}

  /// Replaces the certificates by the certificates of `runtime`, and reads their response files.
  /// Call before the privilege drop, or with privileges raised.
  void follow(const Runtime& runtime);
  /// Starts fetching. Call once, as soon as threads may be created.
  void startFetching(CounterRegistry& registry, std::function<void()> onThreadStart);
  /// How many descriptors fetching will open at most.
  size_t ownDescriptors() const;
  /// Stops fetching and joins the thread.
  void stop() { fetching_.reset(); }

  /// Checks some of the response files. Call twice a second.
  void onTick(TimePoint now);
  /// Logs one line for each certificate with stapling. Returns how many of these certificates have
  /// a response to serve.
  size_t dump() const;

 private:
  void log(const std::vector<StapleNote>& notes);
  void fetch();

  Logger& logger_;
  CounterBlock& counters_;
  std::vector<StapleWish> wishes_;
  StapleFiles files_;
  TimePoint nextRound_{};
  std::unique_ptr<OcspThread> fetching_;
};

}  // namespace culvert
