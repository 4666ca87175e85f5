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

/// Returns the time from which culvert fetches a replacement of `staple`. This is when half of the
/// response's validity is over, but at most a day after culvert verified the response.
int64_t refreshPoint(const Staple& staple, int64_t now);

/// The delay before the next fetch after a verified response. It lasts until the refresh point,
/// plus up to a twentieth of the validity. If the refresh point has passed, the delay is a quarter
/// of the time until the response expires. It is at most kLongestOcspWait. `dice` is from [0, 1).
Millis delayAfterSuccess(const Staple& staple, int64_t now, double dice);

/// The delay before the next fetch after a number of consecutive failures (`failures`). It is 2 s
/// after the first failure, and doubles with each failure up to an hour, plus or minus a quarter.
/// It is at most a quarter of the time until `held` (may be null) expires.
Millis delayAfterFailure(unsigned failures, const Staple* held, int64_t now, double dice);

/// Pauses requests to a responder that does not answer. The pause becomes longer with each failure.
class ResponderRest {
 public:
  /// Call when an exchange that began at `begun` got no answer. Exchanges that ran at the same time
  /// count only once, because they fail for the same reason.
  void onSilence(TimePoint begun, TimePoint now, double dice);
  void onAnswer() { silences_ = 0; }
  TimePoint until() const { return until_; }

 private:
  unsigned silences_ = 0;
  TimePoint counted_{};
  TimePoint until_{};
};

}  // namespace culvert
