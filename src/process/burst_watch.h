// SPDX-License-Identifier: GPL-3.0-or-later
// BurstWatch reports when a burst of tunnels is over: many tunnels were open, most of them have
// closed, and few were opened since. The heap is then fragmented, so culvert returns memory to the
// system. Thread: control.
#pragma once

#include <algorithm>
#include <cstddef>

#include "base/clock.h"

namespace culvert {

class BurstWatch {
 public:
  /// A peak of fewer open tunnels than this is not a burst, because so few tunnels use only about a
  /// megabyte.
  static constexpr size_t kBurst = 256;
  /// culvert waits for this long after a burst, because a load that soon rises again reuses the
  /// memory.
  static constexpr Millis kQuiet{5000};

  /// `most` is the largest number of tunnels that were open at once since the previous call of
  /// isOver(). Returns true once per burst, when the burst is over. The tunnels that remain count
  /// towards the next burst.
  bool isOver(size_t most, TimePoint now) {
    peak_ = std::max(peak_, most);
    if (peak_ < kBurst || most > peak_ / 2) {
      quietSince_ = kNever;
      return false;
    }
    quietSince_ = std::min(quietSince_, now);
    if (now - quietSince_ < kQuiet) return false;
    quietSince_ = kNever;
    peak_ = most;
    return true;
  }

 private:
  size_t peak_ = 0;  // the largest `most` since isOver() last returned true
  TimePoint quietSince_ = kNever;
};

}  // namespace culvert
