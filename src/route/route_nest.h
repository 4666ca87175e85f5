// SPDX-License-Identifier: GPL-3.0-or-later
// RouteNest is the criteria of many services, compiled for fast choices: a graph whose nodes are
// steps and whose leaves are services. Thread: any (frozen).
//
// A step has a node only where the services that are left differ at it. Equal sets of services share
// their nodes, so a service with many names and many networks needs the sum of both, not the
// product.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "route/route_lookup.h"
#include "route/route_match.h"
#include "route/route_value.h"

namespace culvert {

/// Where a branch leads: to a node, to a service, or nowhere.
class RouteTarget {
 public:
  RouteTarget() = default;
  static RouteTarget toNode(size_t node) { return RouteTarget(static_cast<int32_t>(node)); }
  static RouteTarget toService(int service) { return RouteTarget(~service); }

  bool isNowhere() const { return code_ == kNowhere; }
  bool isNode() const { return code_ >= 0; }
  size_t node() const { return static_cast<size_t>(code_); }
  int service() const { return ~code_; }
  bool operator==(const RouteTarget&) const = default;
  auto operator<=>(const RouteTarget&) const = default;

 private:
  static constexpr int32_t kNowhere = std::numeric_limits<int32_t>::min();
  explicit RouteTarget(int32_t code) : code_(code) {}
  int32_t code_ = kNowhere;
};

/// One step for the services that are left. It has a branch for each value that one of them names.
struct RouteNode {
  RouteStep step = RouteStep::kPort;
  RouteTarget any;                    ///< for clients that have none of the values
  std::vector<RouteTarget> branches;  ///< in the order of the keys of `values`
  std::variant<NumberMap, PrefixMap, TextMap> values;

  /// Returns the branch of the most specific value that the connection has, or -1.
  int branchOf(const RouteFacts& facts) const;
  RouteValue value(size_t branch) const;
};

class RouteNest {
 public:
  /// A fallback is not part of the nest. The services are not needed afterwards.
  explicit RouteNest(std::span<const RouteMatch> services);

  RouteTarget root() const { return root_; }
  const RouteNode& node(size_t index) const { return nodes_[index]; }
  size_t size() const { return nodes_.size(); }
  /// The sets of services that share a leaf, by index. Only the first service of a set can be
  /// chosen there.
  const std::vector<std::vector<int>>& crowdedLeaves() const { return crowded_; }

  /// Follows the branches of a connection from the root. Calls `atNode(node, branch)` at each node
  /// with the branch taken (-1: `any`); the walk stops there if that returns false. Returns where
  /// it ended; `last` is the last node visited, or null.
  template <class AtNode>
  RouteTarget walk(const RouteFacts& facts, const RouteNode*& last, const AtNode& atNode) const {
    RouteTarget at = root_;
    while (at.isNode()) {
      last = &nodes_[at.node()];
      const int branch = last->branchOf(facts);
      if (!atNode(*last, branch)) break;
      at = branch < 0 ? last->any : last->branches[static_cast<size_t>(branch)];
    }
    return at;
  }

 private:
  friend class RouteNestBuilder;
  std::vector<RouteNode> nodes_;
  std::vector<std::vector<int>> crowded_;
  RouteTarget root_;
};

}  // namespace culvert
