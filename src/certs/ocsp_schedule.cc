// SPDX-License-Identifier: GPL-3.0-or-later
// See ocsp_schedule.h.
#include "certs/ocsp_schedule.h"

#include <algorithm>

namespace culvert {
namespace {

constexpr Millis kShortestWait{1000};
constexpr int64_t kLongestHold = 86400;
constexpr unsigned kMostDoublings = 11;

Millis within(double milliseconds) {
  const Millis wait(static_cast<Millis::rep>(
      std::min(milliseconds, static_cast<double>(kLongestOcspWait.count()))));
  return std::max(wait, kShortestWait);
}

/// A quarter of the time until the response expires, in ms. With this delay, attempts are rare at
/// first and frequent shortly before the expiry.
double quarterLeft(const Staple& staple, int64_t now) {
  return static_cast<double>(staple.validUntil - now) * 1000.0 / 4;
}

}  // namespace

int64_t refreshPoint(const Staple& staple, int64_t now) {
  if (staple.verifiedAt > now) return now;  // the clock was set back
  return std::min(staple.thisUpdate + (staple.validUntil - staple.thisUpdate) / 2,
                  staple.verifiedAt + kLongestHold);
}

Millis delayAfterSuccess(const Staple& staple, int64_t now, double dice) {
  const int64_t point = refreshPoint(staple, now);
  if (point <= now) return within(quarterLeft(staple, now));
  const auto spread =
      static_cast<double>(std::min(staple.validUntil - staple.thisUpdate, 2 * kLongestHold));
  return within((static_cast<double>(point - now) + dice * spread / 20) * 1000.0);
}

Millis delayAfterFailure(unsigned failures, const Staple* held, int64_t now, double dice) {
  const unsigned doublings = std::min(failures == 0 ? 0 : failures - 1, kMostDoublings);
  double wait = 2000.0 * static_cast<double>(1U << doublings);
  wait = std::min(wait, static_cast<double>(kLongestOcspWait.count())) * (0.75 + dice / 2);
  if (held != nullptr && held->validUntil > now) wait = std::min(wait, quarterLeft(*held, now));
  return within(wait);
}

void ResponderRest::onSilence(TimePoint begun, TimePoint now, double dice) {
  if (begun <= counted_) return;
  counted_ = now;
  until_ = now + delayAfterFailure(++silences_, nullptr, 0, dice);
}

}  // namespace culvert
