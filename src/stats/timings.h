// SPDX-License-Identifier: GPL-3.0-or-later
// Histograms of times, declared in timings.def. A TimingBlock belongs to a CounterBlock, and has the
// same writer. It exists only if metrics or admin is set. Thread: see each class.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "stats/tally.h"

namespace culvert {

enum class Timing : uint8_t {
#define TIMING(ident, name, brief, detail) k##ident,
#include "stats/timings.def"
#undef TIMING
  kCount
};
inline constexpr size_t kTimingCount = static_cast<size_t>(Timing::kCount);

struct TimingInfo {
  std::string_view name;
  std::string_view brief;
  std::string_view detail;
};
const TimingInfo& timingInfo(Timing timing);

/// The buckets have the upper limits 16 us, 32 us, ... 134 s, and infinity.
inline constexpr size_t kTimingLimits = 24;
inline constexpr size_t kTimingBuckets = kTimingLimits + 1;
inline constexpr unsigned kFirstTimingBits = 4;

/// The largest time, in microseconds, that the bucket counts. `bucket` is below kTimingLimits.
constexpr uint64_t timingLimitMicros(size_t bucket) {
  return uint64_t{1} << (kFirstTimingBits + bucket);
}
constexpr size_t timingBucketOf(uint64_t micros) {
  if (micros <= timingLimitMicros(0)) return 0;
  const size_t bucket = static_cast<size_t>(std::bit_width(micros - 1)) - kFirstTimingBits;
  return bucket < kTimingLimits ? bucket : kTimingLimits;
}

/// The histograms of one thread. Thread: one writer, any reader.
class alignas(64) TimingBlock {
 public:
  void record(Timing timing, Clock::duration time) {
    const auto counted = std::chrono::duration_cast<Micros>(time).count();
    const uint64_t micros = counted > 0 ? static_cast<uint64_t>(counted) : 0;
    Row& row = rows_[static_cast<size_t>(timing)];
    row.buckets[timingBucketOf(micros)].add();
    row.sumMicros.add(micros);
  }

 private:
  friend class TimingTotals;
  struct Row {
    std::array<Tally, kTimingBuckets> buckets;
    Tally sumMicros;
  };
  std::array<Row, kTimingCount> rows_;
};

/// One histogram, summed over threads. Thread: one owner.
class TimingTotals {
 public:
  void merge(const TimingBlock& block, Timing timing);
  /// Adds one time. For tests, and for callers that have a histogram of their own.
  void add(uint64_t micros);
  /// What was counted after `earlier`, an older state of the same histogram.
  TimingTotals since(const TimingTotals& earlier) const;

  uint64_t bucket(size_t index) const { return buckets_[index]; }
  uint64_t count() const;
  uint64_t sumMicros() const { return sumMicros_; }
  /// Estimates the time that the part `share` (0 to 1) of all times does not exceed. Within a bucket
  /// it interpolates linearly. Above the last limit it returns that limit. Nothing without a time.
  std::optional<uint64_t> quantileMicros(double share) const;

 private:
  std::array<uint64_t, kTimingBuckets> buckets_{};
  uint64_t sumMicros_ = 0;
};

/// All histograms. Thread: one owner.
class TimingSnapshot {
 public:
  const TimingTotals& get(Timing timing) const { return totals_[static_cast<size_t>(timing)]; }
  TimingTotals& get(Timing timing) { return totals_[static_cast<size_t>(timing)]; }
  void merge(const TimingBlock& block);

 private:
  std::array<TimingTotals, kTimingCount> totals_;
};

}  // namespace culvert
