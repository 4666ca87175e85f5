// SPDX-License-Identifier: GPL-3.0-or-later
// When the next OCSP response is fetched. Pure functions of times; the random number is an
// argument. Thread: any.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "tls/credentials/staple.h"

namespace culvert {

/// A job is checked again after this time at the latest: the wall clock may jump.
inline constexpr Millis kLongestOcspWait{3'600'000};

/// The time from which a response is worth replacing: after half of its validity, or a day after
/// culvert verified it. So even a very long validity does not delay a newer response.
int64_t refreshPoint(const Staple& staple, int64_t now);

/// The delay after a verified response: until the refresh point, plus up to a twentieth of the
/// validity. If the response is already past that point, a quarter of the time left, at most an
/// hour. `dice` is from [0, 1).
Millis delayAfterSuccess(const Staple& staple, int64_t now, double dice);

/// The delay after the n-th consecutive failure: 2 s, doubled each time up to an hour, plus or
/// minus a quarter. It is shorter if `held` (may be null) expires before that.
Millis delayAfterFailure(unsigned failures, const Staple* held, int64_t now, double dice);

/// Pauses a responder that does not answer, longer each time.
class ResponderRest {
 public:
  /// An exchange that began at `begun` got no answer. Of the exchanges in progress at that time
  /// only the first counts: many certificates wait for one look-up, and two requests for one
  /// server.
  void onSilence(TimePoint begun, TimePoint now, double dice);
  void onAnswer() { silences_ = 0; }
  TimePoint until() const { return until_; }

 private:
  unsigned silences_ = 0;
  TimePoint counted_{};
  TimePoint until_{};
};

}  // namespace culvert
