// SPDX-License-Identifier: GPL-3.0-or-later
// Finds mistakes in the services of one listen address: services that cannot be told apart,
// services that no client can reach, and clients that no service takes. Thread: any.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "route/route_survey.h"
#include "route/route_table.h"

namespace culvert {

/// Two services that both want some connection, with the same values at every step.
struct RouteConflict {
  int first = 0;
  int second = 0;          ///< greater than `first`
  bool fallbacks = false;  ///< both are the fallback
  std::string shared;      ///< what both want, for example "name www.example.org, ALPN h2"
};

struct RouteConflicts {
  std::vector<RouteConflict> pairs;  ///< sorted by `second`, then `first`; at most as many as asked
  bool more = false;
};
RouteConflicts findConflicts(const RouteTable& table, size_t most = 16);

/// A service that can never be chosen.
struct UnreachableRoute {
  int service = 0;
  std::string reason;  ///< for example "a raw client has no server name"
};
/// `ends`: see surveyRoutes(). Of services in conflict, the later one is not reported if its only
/// fault is the conflict. Returns nothing if the table is too large to tell.
std::vector<UnreachableRoute> findUnreachable(const RouteTable& table,
                                              std::span<const SocketAddress> ends,
                                              size_t most = 16);

struct RouteHoles {
  std::vector<RouteHole> holes;  ///< at most as many as asked for
  bool more = false;             ///< there are more, or the table is too large to tell
};
/// Returns the connections that no service takes; none if there is a fallback. `ends`: see
/// surveyRoutes().
RouteHoles findHoles(const RouteTable& table, std::span<const SocketAddress> ends,
                     size_t most = 16);

}  // namespace culvert
