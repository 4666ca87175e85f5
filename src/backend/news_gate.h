// SPDX-License-Identifier: GPL-3.0-or-later
// NewsGate decides which changes of one thing that is up or down are logged. It lets kAtOnce lines
// pass at once, then one line per kInterval. The last line in the log is true in the end: due()
// returns a change that was delayed, unless it was reversed. Thread: the owner's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/clock.h"

namespace culvert {

class NewsGate {
 public:
  static constexpr unsigned kAtOnce = 4;
  static constexpr Millis kInterval{10000};

  /// Records that the thing has come up or gone down. If a line has to be logged now, returns how
  /// many changes since the previous line were not logged.
  std::optional<uint64_t> changed(bool up, TimePoint now) {
    up_ = up;
    ++untold_;
    return due(now);
  }
  /// If a delayed line has to be logged now, returns the same number. Call this regularly.
  std::optional<uint64_t> due(TimePoint now) {
    if (up_ == toldUp_ || !mayTell(now)) return std::nullopt;
    toldUp_ = up_;
    return std::exchange(untold_, 0) - 1;
  }
  /// True if the log says what is true.
  bool settled() const { return up_ == toldUp_; }

 private:
  /// The limit is a token bucket, and `creditSince_` is the time since which it has been filling.
  bool mayTell(TimePoint now) {
    creditSince_ = std::max(creditSince_, now - kAtOnce * kInterval);
    if (now - creditSince_ < kInterval) return false;
    creditSince_ += kInterval;
    return true;
  }

  TimePoint creditSince_ = TimePoint::min();
  uint64_t untold_ = 0;
  bool up_ = true;
  bool toldUp_ = true;
};

}  // namespace culvert
