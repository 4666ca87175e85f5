// SPDX-License-Identifier: GPL-3.0-or-later
// See health_track.h.
#include "backend/health_track.h"

#include <utility>

namespace culvert {

std::optional<HealthTrack::Change> HealthTrack::result(bool ok, const Limits& limits,
                                                       TimePoint now) {
  if (ok != down()) {  // the result agrees with the state
    against_ = 0;
    if (state_ != CheckState::kUnknown || !ok) return std::nullopt;
    state_ = CheckState::kUp;  // the first result confirms what culvert assumed
    since_ = now;
    return std::nullopt;
  }
  if (++against_ < (ok ? limits.rise : limits.fall)) return std::nullopt;
  const bool known = state_ != CheckState::kUnknown;
  const Change change{ok, std::exchange(against_, 0), known ? now - since_ : Clock::duration{}};
  state_ = ok ? CheckState::kUp : CheckState::kDown;
  since_ = now;
  return change;
}

}  // namespace culvert
