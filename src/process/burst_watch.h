// SPDX-License-Identifier: GPL-3.0-or-later
// BurstWatch tells when a burst of tunnels is over: there were many, most of them have gone, and
// few have come since. Then, and only then, the heap is full of holes worth giving back. Thread:
// control.
#pragma once

#include <algorithm>
#include <cstddef>

#include "base/clock.h"

namespace culvert {

class BurstWatch {
 public:
  /// Fewer tunnels than this at once are no burst: a megabyte or so.
  static constexpr size_t kBurst = 256;
  /// So long it has been over: who opens and closes crowds all the time uses the same memory again.
  static constexpr Millis kQuiet{5000};

  /// Looks at the most tunnels that were open at once since the last look. True once a burst, when
  /// it is over; what is left then counts towards the next.
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
  size_t peak_ = 0;  // since isOver() was last true
  TimePoint quietSince_ = kNever;
};

}  // namespace culvert
