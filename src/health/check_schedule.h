// SPDX-License-Identifier: GPL-3.0-or-later
// CheckSchedule says when the next check of an address is due. It uses no clock. Thread: the owner's.
#pragma once

#include <algorithm>

#include "service/service.h"

namespace culvert {

class CheckSchedule {
 public:
  /// How many times longer than health-interval the time between two checks gets at most, while the
  /// address is down.
  static constexpr unsigned kSlowest = 5;

  void note(bool ok) { failures_ = ok ? 0 : failures_ + 1; }
  unsigned failures() const { return failures_; }

  /// The time from the start of the last check to the start of the next one. `dice` is a random
  /// number from 0 to 1: it moves the time by up to a tenth, so that checks do not run in step.
  Clock::duration next(const HealthOptions& options, double dice) const {
    const unsigned over = failures_ < options.fall ? 0 : failures_ - options.fall + 1;
    const unsigned times = 1 + std::min(over, kSlowest - 1);
    const double spread = 0.9 + 0.2 * std::clamp(dice, 0.0, 1.0);
    return std::chrono::duration_cast<Clock::duration>(options.interval * (spread * times));
  }

 private:
  unsigned failures_ = 0;  // in a row
};

}  // namespace culvert
