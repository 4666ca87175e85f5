// SPDX-License-Identifier: GPL-3.0-or-later
// See timings.h.
#include "stats/timings.h"

#include <algorithm>
#include <iterator>

namespace culvert {

namespace {

constexpr TimingInfo kTimings[] = {
#define TIMING(ident, name, brief, detail) {name, brief, detail},
#include "stats/timings.def"
#undef TIMING
};
static_assert(std::size(kTimings) == kTimingCount);

}  // namespace

const TimingInfo& timingInfo(Timing timing) { return kTimings[static_cast<size_t>(timing)]; }

void TimingTotals::merge(const TimingBlock& block, Timing timing) {
  const TimingBlock::Row& row = block.rows_[static_cast<size_t>(timing)];
  for (size_t i = 0; i < kTimingBuckets; ++i) buckets_[i] += row.buckets[i].get();
  sumMicros_ += row.sumMicros.get();
}

void TimingTotals::add(uint64_t micros) {
  ++buckets_[timingBucketOf(micros)];
  sumMicros_ += micros;
}

TimingTotals TimingTotals::since(const TimingTotals& earlier) const {
  TimingTotals difference;
  for (size_t i = 0; i < kTimingBuckets; ++i)
    difference.buckets_[i] = buckets_[i] - std::min(buckets_[i], earlier.buckets_[i]);
  difference.sumMicros_ = sumMicros_ - std::min(sumMicros_, earlier.sumMicros_);
  return difference;
}

uint64_t TimingTotals::count() const {
  uint64_t all = 0;
  for (const uint64_t bucket : buckets_) all += bucket;
  return all;
}

std::optional<uint64_t> TimingTotals::quantileMicros(double share) const {
  const uint64_t all = count();
  if (all == 0) return std::nullopt;
  const double rank = std::clamp(share, 0.0, 1.0) * static_cast<double>(all);
  uint64_t below = 0;
  for (size_t i = 0; i < kTimingLimits; ++i) {
    const uint64_t here = buckets_[i];
    if (here != 0 && static_cast<double>(below + here) >= rank) {
      const auto lower = static_cast<double>(i == 0 ? 0 : timingLimitMicros(i - 1));
      const auto upper = static_cast<double>(timingLimitMicros(i));
      const double part =
          std::max(0.0, rank - static_cast<double>(below)) / static_cast<double>(here);
      return static_cast<uint64_t>(lower + (upper - lower) * part);
    }
    below += here;
  }
  return timingLimitMicros(kTimingLimits - 1);
}

void TimingSnapshot::merge(const TimingBlock& block) {
  for (size_t i = 0; i < kTimingCount; ++i) totals_[i].merge(block, static_cast<Timing>(i));
}

}  // namespace culvert
