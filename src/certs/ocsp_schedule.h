// SPDX-License-Identifier: GPL-3.0-or-later
// Computes when to fetch the next OCSP response. The functions are pure: the time and the random
// number are arguments. Thread: any.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "tls/credentials/staple.h"

namespace culvert {

/// A job is checked again after this time at the latest, because the wall clock may jump.
inline constexpr Millis kLongestOcspWait{3'600'000};

/// The time from which culvert fetches a replacement: after half of the response's validity, but at
/// most a day after culvert verified it.
int64_t refreshPoint(const Staple& staple, int64_t now);

/// The delay after a verified response. It lasts until the refresh point, plus up to a twentieth of
/// the validity. If the refresh point has passed, the delay is a quarter of the time left, at most
/// an hour. `dice` is from [0, 1).
Millis delayAfterSuccess(const Staple& staple, int64_t now, double dice);

/// The delay after the n-th consecutive failure: 2 s, doubled each time up to an hour, plus or
/// minus a quarter. It is shorter if `held` (may be null) expires before that.
Millis delayAfterFailure(unsigned failures, const Staple* held, int64_t now, double dice);

/// Pauses a responder that does not answer, longer each time.
class ResponderRest {
 public:
  /// Call when an exchange that began at `begun` got no answer. Of exchanges that ran at the same
  /// time only the first counts, because they fail for the same reason.
  void onSilence(TimePoint begun, TimePoint now, double dice);
  void onAnswer() { silences_ = 0; }
  TimePoint until() const { return until_; }

 private:
  unsigned silences_ = 0;
  TimePoint counted_{};
  TimePoint until_{};
};

}  // namespace culvert
