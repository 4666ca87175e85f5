// SPDX-License-Identifier: GPL-3.0-or-later
// History keeps a sample of the traffic for each of the last 300 seconds, for the charts of the page.
// Thread: loop (culvert-admin).
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "log/log_render.h"
#include "stats/counters.h"

namespace culvert {

class History {
 public:
  static constexpr size_t kSamples = 300;

  /// Adds what has happened since the previous call. Call once a second.
  void sample(const CounterSnapshot& counters, const TimingSnapshot& timings, WallTime time);
  std::string json() const;

 private:
  struct Sample {
    int64_t time = 0;  // seconds since the epoch
    uint64_t tunnels = 0, accepted = 0, in = 0, out = 0, full = 0, resumed = 0, failed = 0;
    std::optional<uint64_t> p50, p99;  // microseconds
  };
  struct Totals {
    uint64_t accepted = 0, in = 0, out = 0, ok = 0, resumed = 0, failed = 0;
  };
  static Totals totalsOf(const CounterSnapshot& counters);

  std::deque<Sample> samples_;
  Totals before_;
  TimingSnapshot timingsBefore_;
  bool begun_ = false;
};

}  // namespace culvert
