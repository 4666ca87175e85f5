// SPDX-License-Identifier: GPL-3.0-or-later
// See route_match.h.
#include "route/route_match.h"

#include <algorithm>

namespace culvert {

void completeTransports(std::vector<RouteMatch>& services) {
  const auto any = [&services](auto is) {
    return std::any_of(services.begin(), services.end(), is);
  };
  const auto carries = [&any](MatchTransport transport) {
    return any([transport](const RouteMatch& one) { return one.carries == transport; });
  };
  const bool named =
      any([](const RouteMatch& one) { return one.transport != MatchTransport::kAny; });
  if (!named && !(carries(MatchTransport::kTls) && carries(MatchTransport::kRaw))) return;
  for (RouteMatch& one : services)
    if (one.transport == MatchTransport::kAny && !one.fallback) one.transport = one.carries;
}

}  // namespace culvert
