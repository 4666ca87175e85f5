// SPDX-License-Identifier: GPL-3.0-or-later
// HealthTrack counts the results of the checks of one address, and says when the address comes up
// or goes down. An address without a result counts as up. It uses no clock and no lock. Thread: the
// owner's.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace culvert {

enum class CheckState : uint8_t { kUnknown, kUp, kDown };

class HealthTrack {
 public:
  struct Limits {
    uint64_t rise = 2;  ///< successful checks in a row after which an address is up again
    uint64_t fall = 3;  ///< failed checks in a row after which an address is down
  };
  struct Change {
    bool up = false;
    uint64_t results = 0;      ///< how many equal results in a row made the change
    Clock::duration lasted{};  ///< how long the previous state lasted; 0 if it was kUnknown
  };

  /// Records the result of one check. Returns the change if the address has come up or gone down.
  std::optional<Change> result(bool ok, const Limits& limits, TimePoint now);

  CheckState state() const { return state_; }
  bool down() const { return state_ == CheckState::kDown; }
  /// When the address got its state; zero if the state is kUnknown.
  TimePoint since() const { return since_; }

 private:
  CheckState state_ = CheckState::kUnknown;
  TimePoint since_{};
  uint64_t against_ = 0;  // results in a row that contradict the state
};

}  // namespace culvert
