// SPDX-License-Identifier: GPL-3.0-or-later
// surveyRoutes() goes over all branches of a RouteTable that a client can take. It finds the
// branches that end at no service, and the services at which no branch ends. Thread: any.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "net/address.h"
#include "route/route_table.h"

namespace culvert {

/// The branches that a walk took at one step. The walk goes on in the same way for each of the
/// values.
struct RouteBranch {
  RouteStep step = RouteStep::kPort;
  bool other = false;               ///< the branch for clients that have none of the values
  std::vector<std::string> values;  ///< the values, or with `other` those that clients do not have
  bool operator==(const RouteBranch&) const = default;
};

/// Connections that are lost in the same way. The last branch of the path is `other`, and is the
/// step at which they are lost.
struct RouteHole {
  std::vector<RouteBranch> path;
  std::string
      text;  ///< "a client for db.example.org that does not offer h2 is taken by no service"
};

struct RouteSurvey {
  std::vector<RouteHole> holes;  ///< at most as many as asked for
  bool moreHoles = false;        ///< there are more
  std::vector<bool> reached;     ///< for each service, whether a branch ends there
  bool complete = true;  ///< false: the table is too large; holes and reached services are missing
};

/// `ends` are the addresses at which clients arrive, with wildcards such as 0.0.0.0:443, where port
/// 0 is any port. If there are none, clients arrive at any address and at UNIX sockets: behind a
/// PROXY header. The survey does not count the fallback.
/// It gives up after visiting `mostNodes` nodes.
RouteSurvey surveyRoutes(const RouteTable& table, std::span<const SocketAddress> ends,
                         size_t mostHoles, size_t mostNodes = 200'000);

}  // namespace culvert
