// SPDX-License-Identifier: GPL-3.0-or-later
// When an OCSP response is fetched next. Pure functions of times, with the dice as an argument.
// Thread: any.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "tls/credentials/staple.h"

namespace culvert {

/// A job is looked at again after this at the latest: the wall clock may jump.
inline constexpr Millis kLongestOcspWait{3'600'000};

/// From then on a response is worth replacing: half of its time is over, or it has been held for a
/// day. The longest validity that a responder claims does not keep a newer word out.
int64_t refreshPoint(const Staple& staple, int64_t now);

/// After a good answer. At the refresh point and up to a twentieth of the time before later; when a
/// responder hands out what is older than that, again after a quarter of what is left, an hour at
/// most. `dice` is from [0, 1).
Millis delayAfterSuccess(const Staple& staple, int64_t now, double dice);

/// After the n-th failure in a row: 2 s, doubling up to an hour, a quarter more or less; sooner
/// where `held` (may be null) expires meanwhile.
Millis delayAfterFailure(unsigned failures, const Staple* held, int64_t now, double dice);

/// A responder of which nothing is heard is left alone for a while, longer each time.
class ResponderRest {
 public:
  /// What began at `begun` has met silence. Of all that was under way then, only the first counts:
  /// many certificates wait for one look-up, and two requests for one server.
  void onSilence(TimePoint begun, TimePoint now, double dice);
  void onAnswer() { silences_ = 0; }
  TimePoint until() const { return until_; }

 private:
  unsigned silences_ = 0;
  TimePoint counted_{};
  TimePoint until_{};
};

}  // namespace culvert
