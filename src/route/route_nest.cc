// SPDX-License-Identifier: GPL-3.0-or-later
// See route_nest.h.
#include "route/route_nest.h"

#include <algorithm>
#include <map>
#include <utility>

namespace culvert {
namespace {

template <class Key>
std::vector<Key> routeKeys(const std::vector<RouteValue>& values) {
  std::vector<Key> keys;
  keys.reserve(values.size());
  for (const RouteValue& value : values) {
    if constexpr (std::is_same_v<Key, std::string>)
      keys.emplace_back(std::get<std::string_view>(value));
    else
      keys.push_back(std::get<Key>(value));
  }
  return keys;
}

/// All values of a step have the same type.
std::variant<NumberMap, PrefixMap, TextMap> routeMapOf(const std::vector<RouteValue>& values) {
  if (std::holds_alternative<uint16_t>(values.front()))
    return NumberMap(routeKeys<uint16_t>(values));
  if (std::holds_alternative<Network>(values.front())) return PrefixMap(routeKeys<Network>(values));
  return TextMap(routeKeys<std::string>(values));
}

int alpnBranch(const TextMap& protocols, const RouteFacts& facts) {
  for (const std::string_view protocol : facts.alpn)
    if (const int branch = protocols.find(protocol); branch >= 0) return branch;
  return -1;
}

uint16_t routeNumber(RouteStep step, const RouteFacts& facts) {
  switch (step) {
    case RouteStep::kPort:
      return facts.local.port();
    case RouteStep::kTransport:
      return static_cast<uint16_t>(facts.tls ? MatchTransport::kTls : MatchTransport::kRaw);
    case RouteStep::kSourceType:
      return static_cast<uint16_t>(facts.isLocal() ? SourceType::kLocal : SourceType::kExternal);
    default:
      return facts.peer.port();
  }
}

}  // namespace

int RouteNode::branchOf(const RouteFacts& facts) const {
  if (const auto* texts = std::get_if<TextMap>(&values))
    return step == RouteStep::kName ? texts->findName(facts.serverName) : alpnBranch(*texts, facts);
  if (const auto* networks = std::get_if<PrefixMap>(&values))
    return networks->find(step == RouteStep::kAddress ? facts.local : facts.peer);
  return std::get<NumberMap>(values).find(routeNumber(step, facts));
}

RouteValue RouteNode::value(size_t branch) const {
  return std::visit([&](const auto& map) { return RouteValue(map.keys()[branch]); }, values);
}

/// Compiles a nest, from the leaves to the root. Thread: any, for one nest.
class RouteNestBuilder {
 public:
  using Set = std::vector<int>;  // indexes of services, sorted

  RouteNestBuilder(std::span<const RouteMatch> services, RouteNest& nest)
      : services_(services), nest_(nest) {}

  void build() {
    Set all;
    for (size_t i = 0; i < services_.size(); ++i)
      if (!services_[i].fallback) all.push_back(static_cast<int>(i));
    if (!all.empty()) nest_.root_ = build(0, std::move(all));
    nest_.nodes_.shrink_to_fit();
  }

 private:
  struct Named {
    RouteValue value;
    int service;
    auto operator<=>(const Named&) const = default;
  };

  RouteTarget build(size_t step, Set set) {
    std::vector<Named> named;
    Set open;
    for (; step < kRouteSteps; ++step) {
      split(static_cast<RouteStep>(step), set, named, open);
      if (!named.empty()) break;
    }
    const auto known = built_.find({step, set});
    if (known != built_.end()) return known->second;
    const RouteTarget target =
        step == kRouteSteps ? leaf(set) : node(step, std::move(named), std::move(open));
    built_.emplace(std::pair(step, std::move(set)), target);
    return target;
  }

  /// Divides the services into those that name values and those that take every client.
  void split(RouteStep step, const Set& set, std::vector<Named>& named, Set& open) {
    open.clear();
    for (const int service : set) {
      const auto values = valuesOf(services_[static_cast<size_t>(service)], step);
      if (values.empty()) open.push_back(service);
      for (const RouteValue& value : values) named.push_back({value, service});
    }
  }

  RouteTarget leaf(const Set& set) {
    if (set.size() > 1) nest_.crowded_.push_back(set);
    return RouteTarget::toService(set.front());
  }

  RouteTarget node(size_t step, std::vector<Named> named, Set open) {
    std::sort(named.begin(), named.end());
    named.erase(std::unique(named.begin(), named.end()), named.end());
    std::vector<RouteValue> values;
    std::vector<RouteTarget> branches;
    for (size_t i = 0; i < named.size();) {
      values.push_back(named[i].value);
      Set set;
      for (; i < named.size() && named[i].value == values.back(); ++i)
        set.push_back(named[i].service);
      branches.push_back(build(step + 1, std::move(set)));
    }
    RouteTarget any;
    if (!open.empty()) any = build(step + 1, std::move(open));
    branches.shrink_to_fit();
    nest_.nodes_.push_back(
        {static_cast<RouteStep>(step), any, std::move(branches), routeMapOf(values)});
    return RouteTarget::toNode(nest_.nodes_.size() - 1);
  }

  std::span<const RouteMatch> services_;
  RouteNest& nest_;
  std::map<std::pair<size_t, Set>, RouteTarget> built_;
};

RouteNest::RouteNest(std::span<const RouteMatch> services) {
  RouteNestBuilder(services, *this).build();
}

}  // namespace culvert
