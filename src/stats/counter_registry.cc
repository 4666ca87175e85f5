// SPDX-License-Identifier: GPL-3.0-or-later
// See counter_registry.h.
#include "stats/counter_registry.h"

namespace culvert {

CounterBlock& CounterRegistry::addBlock() {
  const std::lock_guard lock(mutex_);
  CounterBlock& made = *blocks_.emplace_back(std::make_unique<CounterBlock>());
  if (timed_) giveTimings(made);
  return made;
}

void CounterRegistry::giveTimings(CounterBlock& block) {
  TimingBlock* made = timingBlocks_.emplace_back(std::make_unique<TimingBlock>()).get();
  block.timings_.store(made, std::memory_order_release);
}

void CounterRegistry::enableTimings() {
  const std::lock_guard lock(mutex_);
  if (timed_) return;
  timed_ = true;
  for (const auto& block : blocks_) giveTimings(*block);
}

bool CounterRegistry::timingsEnabled() const {
  const std::lock_guard lock(mutex_);
  return timed_;
}

TimingSnapshot CounterRegistry::timings() const {
  TimingSnapshot sum;
  const std::lock_guard lock(mutex_);
  for (const auto& block : timingBlocks_) sum.merge(*block);
  return sum;
}

CounterSnapshot CounterRegistry::snapshot() const {
  CounterSnapshot sum;
  const std::lock_guard lock(mutex_);
  for (const auto& block : blocks_) sum.merge(*block);
  return sum;
}

}  // namespace culvert
