// SPDX-License-Identifier: GPL-3.0-or-later
// CounterRegistry owns the counters and the timings of all threads, and sums them on request.
// Thread: any.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "stats/counters.h"

namespace culvert {

/// Owns the CounterBlocks of all threads. A block stays in the registry after its thread has ended,
/// so that totals never decrease. Thread: any.
class CounterRegistry {
 public:
  /// Creates a block for one thread. The block is valid until the registry is destroyed.
  CounterBlock& addBlock();
  CounterSnapshot snapshot() const;

  /// From now on all threads record times. Call it when metrics or admin is set.
  void enableTimings();
  bool timingsEnabled() const;
  TimingSnapshot timings() const;

 private:
  void giveTimings(CounterBlock& block);

  mutable std::mutex mutex_;
  bool timed_ = false;
  std::vector<std::unique_ptr<CounterBlock>> blocks_;
  std::vector<std::unique_ptr<TimingBlock>> timingBlocks_;
};

}  // namespace culvert
