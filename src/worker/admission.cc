// SPDX-License-Identifier: GPL-3.0-or-later
// See admission.h.
#include "worker/admission.h"

#include <string>
#include <utility>

namespace culvert {
namespace {

Counter counterOf(TunnelLimit limit) {
  switch (limit) {
    case TunnelLimit::kMaxTunnels:
      return Counter::kLimitMaxTunnels;
    case TunnelLimit::kMaxTunnelsPerSource:
      return Counter::kLimitMaxTunnelsPerSource;
    case TunnelLimit::kTunnelRate:
      break;
  }
  return Counter::kLimitTunnelRate;
}

tl::unexpected<CloseReason> refused(TunnelLimit limit, const char* scope, CounterBlock& counters) {
  counters.add(Counter::kRejectedLimit);
  counters.add(counterOf(limit));
  return tl::unexpected(CloseReason{CloseCause::kLimit, std::string(limitWord(limit)), scope});
}

}  // namespace

tl::expected<TunnelHolds, CloseReason> admit(const Service& service, TunnelLimits& process,
                                             const SocketAddress& client, TimePoint now,
                                             CounterBlock& counters, LimitHold reserved) {
  const ServiceProfile& profile = *service.profile;
  if (!profile.sources.allows(client)) {
    counters.add(Counter::kDenied);
    return tl::unexpected(CloseReason{CloseCause::kDenied});
  }
  if (service.whenDown != WhenDown::kWait && service.backendsDown())
    return tl::unexpected(
        CloseReason{CloseCause::kBackendEjected, "", "all backends are down (when-backend-down)"});
  TunnelHolds holds;
  if (profile.limits != nullptr) {
    auto entered = profile.limits->enter(client, now, std::move(reserved));
    if (!entered) return refused(entered.error(), "of the service", counters);
    holds.service = std::move(*entered);
  }
  auto entered = process.enter(client, now);
  if (!entered) {
    holds.service.takeBack();
    return refused(entered.error(), "over all services", counters);
  }
  holds.process = std::move(*entered);
  return holds;
}

}  // namespace culvert
