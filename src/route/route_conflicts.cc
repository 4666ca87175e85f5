// SPDX-License-Identifier: GPL-3.0-or-later
// See route_conflicts.h.
#include "route/route_conflicts.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace culvert {
namespace {

std::string sharedText(const RouteMatch& a, const RouteMatch& b) {
  std::string all;
  for (size_t i = 0; i < kRouteSteps; ++i) {
    const auto step = static_cast<RouteStep>(i);
    const auto ofB = routeTexts(b, step);
    std::vector<std::string> both;
    for (std::string& text : routeTexts(a, step))
      if (std::find(ofB.begin(), ofB.end(), text) != ofB.end() &&
          std::find(both.begin(), both.end(), text) == both.end())
        both.push_back(std::move(text));
    if (both.empty()) continue;
    const bool plural = both.size() > 1 && step != RouteStep::kAlpn;
    const std::string_view ending = !plural ? "" : step == RouteStep::kAddress ? "es" : "s";
    all += fmt::format("{}{}{} {}", all.empty() ? "" : ", ", routeStepName(step), ending,
                       fewOf(both, "and"));
  }
  return all.empty() ? "neither has a match option" : all;
}

using ServicePairs = std::set<std::pair<int, int>>;  // the second one first: the order of reports

/// Stops when there is one pair more than `most`.
void addPairs(const std::vector<int>& services, size_t most, ServicePairs& pairs) {
  for (size_t j = 1; j < services.size(); ++j)
    for (size_t i = 0; i < j; ++i) {
      if (pairs.size() > most) return;
      pairs.emplace(services[j], services[i]);
    }
}

std::vector<int> fallbacksOf(const RouteTable& table) {
  std::vector<int> fallbacks;
  for (size_t i = 0; i < table.services().size(); ++i)
    if (table.services()[i].fallback) fallbacks.push_back(static_cast<int>(i));
  return fallbacks;
}

bool isLocalOnly(const std::vector<Network>& networks) {
  const Network v4{.bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127}, .bits = 104};
  const Network v6{.bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, .bits = 128};
  const auto isLocal = [&](const Network& one) {
    return one.unixSockets || one == v6 || (one.bits >= v4.bits && v4.contains(one.bytes));
  };
  return !networks.empty() && std::all_of(networks.begin(), networks.end(), isLocal);
}

std::string unreachableReason(const RouteMatch& match) {
  if (match.transport == MatchTransport::kRaw && !match.names.empty())
    return "a raw client has no server name";
  if (match.transport == MatchTransport::kRaw && !match.alpn.empty())
    return "a raw client offers no ALPN";
  if (match.sourceType == SourceType::kExternal && isLocalOnly(match.sources))
    return "the clients of its match-source are on this host";
  return "other services take all clients that it could take";
}

/// Returns whether the service shares a leaf, so that findConflicts() reports it.
std::vector<bool> inConflict(const RouteTable& table) {
  std::vector<bool> found(table.services().size());
  for (const auto& leaf : table.nest().crowdedLeaves())
    for (const int service : leaf) found[static_cast<size_t>(service)] = true;
  return found;
}

}  // namespace

RouteConflicts findConflicts(const RouteTable& table, size_t most) {
  ServicePairs pairs;
  for (const auto& leaf : table.nest().crowdedLeaves()) addPairs(leaf, most, pairs);
  addPairs(fallbacksOf(table), most, pairs);
  RouteConflicts conflicts;
  for (const auto& [second, first] : pairs) {
    if (conflicts.pairs.size() == most) {
      conflicts.more = true;
      break;
    }
    const RouteMatch& a = table.services()[static_cast<size_t>(first)];
    const RouteMatch& b = table.services()[static_cast<size_t>(second)];
    const bool fallbacks = a.fallback && b.fallback;
    conflicts.pairs.push_back(
        {first, second, fallbacks, fallbacks ? "both are the fallback" : sharedText(a, b)});
  }
  return conflicts;
}

std::vector<UnreachableRoute> findUnreachable(const RouteTable& table,
                                              std::span<const SocketAddress> ends, size_t most) {
  const RouteSurvey survey = surveyRoutes(table, ends, 1);
  if (!survey.complete) return {};
  const auto conflict = inConflict(table);
  std::vector<UnreachableRoute> unreachable;
  for (size_t i = 0; i < table.services().size() && unreachable.size() < most; ++i) {
    const RouteMatch& match = table.services()[i];
    const auto service = static_cast<int>(i);
    if (!match.fallback && !survey.reached[i] && !conflict[i])
      unreachable.push_back({service, unreachableReason(match)});
    if (service == table.fallback() && survey.holes.empty())
      unreachable.push_back({service, "the other services take all clients"});
  }
  return unreachable;
}

RouteHoles findHoles(const RouteTable& table, std::span<const SocketAddress> ends, size_t most) {
  if (table.fallback() >= 0) return {};
  RouteSurvey survey = surveyRoutes(table, ends, most);
  return {std::move(survey.holes), survey.moreHoles || !survey.complete};
}

}  // namespace culvert
