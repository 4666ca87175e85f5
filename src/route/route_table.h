// SPDX-License-Identifier: GPL-3.0-or-later
// RouteTable chooses the service of a connection among the services that share a listen address.
// Thread: any (frozen).
//
// The choice is a walk over eight steps, in the order of RouteStep. At each step the services with
// the most specific value that the connection has go on. Services without a value for the step go
// on only if no service names a value that the connection has. There is no way back: if no service
// is left, the fallback takes the connection, or none does. docs/routing.md has examples.
#pragma once

#include <optional>
#include <vector>

#include "route/route_match.h"
#include "route/route_nest.h"

namespace culvert {

struct RouteChoice {
  int service = -1;       ///< the index of the service; -1: no service takes the connection
  bool fallback = false;  ///< the service is the fallback, because the walk was lost
  RouteStep lostAt = RouteStep::kPort;  ///< where the walk was lost; valid if it was
  bool operator==(const RouteChoice&) const = default;
};

/// What a choice needs to know besides the addresses. If neither, culvert chooses at accept.
struct RouteNeeds {
  bool bytes = false;  ///< whether the client begins with a ClientHello
  bool hello = false;  ///< the server name or the protocols in the ClientHello
  bool operator==(const RouteNeeds&) const = default;
};

class RouteTable {
 public:
  /// Of several fallbacks, and of several services with the same criteria, the first one counts;
  /// findConflicts() reports them.
  explicit RouteTable(std::vector<RouteMatch> services);

  /// Allocates nothing.
  RouteChoice choose(const RouteFacts& facts) const;

  /// Returns the choice if the addresses alone decide it, so that no byte of the client is needed.
  /// The other facts are ignored.
  std::optional<RouteChoice> early(const RouteFacts& facts) const;

  /// Returns the service for a client that sends nothing until inspect-timeout: the one that a raw
  /// client with these addresses gets. Only the addresses of the facts count.
  std::optional<int> silent(const RouteFacts& facts) const;

  RouteNeeds needs() const { return needs_; }
  /// The index of the fallback, or -1.
  int fallback() const { return fallback_; }
  const std::vector<RouteMatch>& services() const { return services_; }
  const RouteNest& nest() const { return nest_; }

 private:
  RouteChoice choiceOf(RouteTarget end, const RouteNode* last) const;

  std::vector<RouteMatch> services_;
  RouteNest nest_;
  RouteNeeds needs_;
  int fallback_ = -1;
};

}  // namespace culvert
