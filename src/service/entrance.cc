// SPDX-License-Identifier: GPL-3.0-or-later
// See entrance.h.
#include "service/entrance.h"

#include <algorithm>

namespace culvert {
namespace {

/// A service alone on its socket takes everything, unless it has match options.
bool needsRoutes(const Entrance::Services& services) {
  return services.size() > 1 || services.front()->selective;
}

}  // namespace

bool Entrance::down() const {
  return std::all_of(services.begin(), services.end(),
                     [](const auto& service) { return service->backendsDown(); });
}

std::shared_ptr<const Entrance> makeEntrance(Entrance::Services services) {
  auto made = std::make_shared<Entrance>();
  if (needsRoutes(services)) {
    std::vector<RouteMatch> matches;
    matches.reserve(services.size());
    for (const auto& service : services) matches.push_back(service->match);
    completeTransports(matches);
    made->routes = std::make_shared<const RouteTable>(std::move(matches));
  }
  made->services = std::move(services);
  return made;
}

}  // namespace culvert
