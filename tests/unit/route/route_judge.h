// SPDX-License-Identifier: GPL-3.0-or-later
// A second implementation of the choice of a route, without any index: it removes services step by
// step from a list. The tests compare RouteTable with it on random services. Thread: any.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "route/route_match.h"

namespace culvert {

inline SocketAddress routeAddress(std::string_view text) {
  return parseAddress(text, AddressUse::kBackend)->address;
}
inline Network routeNetwork(std::string_view text) { return *parseNetwork(text, true); }

/// One value of a service with its rank for a connection: the higher, the more specific; 0 if the
/// connection does not have the value.
struct RankedValue {
  std::string text;
  size_t rank = 0;
};

inline std::vector<RankedValue> rankPorts(const std::vector<uint16_t>& ports, uint16_t port) {
  std::vector<RankedValue> ranked;
  for (const uint16_t one : ports) ranked.push_back({std::to_string(one), one == port ? 1U : 0U});
  return ranked;
}

inline std::vector<RankedValue> rankNetworks(const std::vector<Network>& networks,
                                             const SocketAddress& address) {
  std::vector<RankedValue> ranked;
  for (const Network& one : networks)
    ranked.push_back({one.text(), one.contains(address) ? 1U + one.bits : 0U});
  return ranked;
}

inline std::vector<RankedValue> rankNames(const std::vector<std::string>& names,
                                          std::string_view name) {
  std::vector<RankedValue> ranked;
  for (const std::string& one : names) {
    size_t rank = 0;
    if (one == name) rank = 100'000;
    if (one.starts_with("*.")) {
      for (size_t dot = name.find('.'); dot != name.npos; dot = name.find('.', dot + 1))
        if (dot > 0 && name.substr(dot) == one.substr(1)) rank = std::max(rank, one.size());
    }
    ranked.push_back({one, rank});
  }
  return ranked;
}

inline std::vector<RankedValue> rankAlpn(const std::vector<std::string>& alpn,
                                         const std::vector<std::string_view>& offered) {
  std::vector<RankedValue> ranked;
  for (const std::string& one : alpn) {
    const auto at = std::find(offered.begin(), offered.end(), one);
    ranked.push_back({one, static_cast<size_t>(offered.end() - at)});
  }
  return ranked;
}

inline std::vector<RankedValue> rankTransport(MatchTransport wanted, bool tls) {
  if (wanted == MatchTransport::kAny) return {};
  const bool wantsTls = wanted == MatchTransport::kTls;
  return {{wantsTls ? "tls" : "raw", wantsTls == tls ? 1U : 0U}};
}

inline std::vector<RankedValue> rankType(SourceType wanted, const RouteFacts& facts) {
  if (wanted == SourceType::kAny) return {};
  const bool sameHost = facts.peer.isUnix() || facts.peer.isLoopback() ||
                        (facts.peer.isSet() && facts.peer.hostText() == facts.local.hostText());
  const bool wantsLocal = wanted == SourceType::kLocal;
  return {{wantsLocal ? "local" : "external", wantsLocal == sameHost ? 1U : 0U}};
}

inline std::vector<RankedValue> rankStep(RouteStep step, const RouteMatch& match,
                                         const RouteFacts& facts) {
  switch (step) {
    case RouteStep::kPort:
      return rankPorts(match.ports, facts.local.port());
    case RouteStep::kAddress:
      return rankNetworks(match.addresses, facts.local);
    case RouteStep::kName:
      return rankNames(match.names, facts.serverName);
    case RouteStep::kTransport:
      return rankTransport(match.transport, facts.tls);
    case RouteStep::kAlpn:
      return rankAlpn(match.alpn, facts.alpn);
    case RouteStep::kSourceType:
      return rankType(match.sourceType, facts);
    case RouteStep::kSource:
      return rankNetworks(match.sources, facts.peer);
    case RouteStep::kSourcePort:
      return rankPorts(match.sourcePorts, facts.peer.port());
  }
  return {};
}

struct Verdict {
  int service = -1;
  bool fallback = false;
  std::optional<RouteStep> lostAt;               ///< where the last service was lost
  std::vector<std::optional<RouteStep>> losses;  ///< for each service: where it was lost
  /// The value taken at each step at which a service that is left names one: `name=a.b`, or `name*`
  /// for "none of the values". The number is that of the step.
  std::vector<std::string> path;
  bool needsBytes = false;  ///< a service that port and address leave names a value of the hello
};

inline Verdict judge(const std::vector<RouteMatch>& services, const RouteFacts& facts) {
  Verdict verdict;
  verdict.losses.resize(services.size());
  std::vector<size_t> left;
  for (size_t i = 0; i < services.size(); ++i)
    if (!services[i].fallback) left.push_back(i);
  for (size_t s = 0; s < kRouteSteps && !left.empty(); ++s) {
    const auto step = static_cast<RouteStep>(s);
    RankedValue best;
    bool anyNamed = false;
    for (const size_t i : left)
      for (const RankedValue& value : rankStep(step, services[i], facts)) {
        anyNamed = true;
        if (value.rank > best.rank) best = value;
      }
    if (!anyNamed) continue;
    const bool ofBytes = s >= size_t(RouteStep::kName) && s <= size_t(RouteStep::kAlpn);
    verdict.needsBytes = verdict.needsBytes || ofBytes;
    verdict.path.push_back(std::to_string(s) + (best.rank > 0 ? "=" + best.text : "*"));
    std::vector<size_t> kept;
    for (const size_t i : left) {
      const auto values = rankStep(step, services[i], facts);
      const bool stays =
          best.rank == 0 ? values.empty()
                         : std::any_of(values.begin(), values.end(),
                                       [&](const auto& value) { return value.rank == best.rank; });
      if (stays)
        kept.push_back(i);
      else
        verdict.losses[i] = step;
    }
    left = std::move(kept);
    if (left.empty()) verdict.lostAt = step;
  }
  if (!left.empty()) verdict.service = static_cast<int>(left.front());
  for (size_t i = 0; i < services.size() && verdict.service < 0; ++i)
    if (services[i].fallback) {
      verdict.service = static_cast<int>(i);
      verdict.fallback = true;
    }
  return verdict;
}

/// The values of which random services and connections are made. The connections have one value
/// for each group of addresses, names and so on that the criteria can tell apart.
struct RouteUniverse {
  std::vector<uint16_t> ports = {443, 8443};
  std::vector<Network> networks;
  std::vector<std::string> names = {"www.example.org", "example.org",     "*.example.org",
                                    "*.org",           "*.b.example.org", "a.b.example.org"};
  std::vector<std::string> alpn = {"h2", "http/1.1", "postgresql"};
  std::vector<uint16_t> sourcePorts = {7, 9};

  std::vector<const char*> addressTexts = {"127.0.0.1", "127.0.0.2", "10.1.2.3",
                                           "10.1.9.9",  "10.2.0.1",  "11.0.0.1",
                                           "[::1]",     "[fd00::1]", "[2001:db8::1]"};
  std::vector<uint16_t> clientPorts = {7, 9, 11};
  std::vector<uint16_t> localPorts = {443, 8443, 25};
  std::vector<std::string_view> clientNames = {
      "",          "www.example.org", "x.www.example.org", "example.org",
      "other.org", "a.b.example.org", "x.b.example.org",   "example.net",
      "org",       ".example.org",    "x.example.org."};

  RouteUniverse() {
    for (const char* text : {"127.0.0.0/8", "127.0.0.1", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3",
                             "0.0.0.0/0", "::/0", "::1", "fd00::/8", "unix"})
      networks.push_back(routeNetwork(text));
  }
};

using RouteRandom = std::mt19937_64;

inline size_t below(RouteRandom& random, size_t end) {
  return std::uniform_int_distribution<size_t>(0, end - 1)(random);
}

template <class T>
std::vector<T> someOf(RouteRandom& random, const std::vector<T>& all) {
  std::vector<T> some;
  for (size_t count = 1 + below(random, 3); count > 0; --count)
    some.push_back(all[below(random, all.size())]);
  return some;
}

/// A service with values for about `percent` of the steps in `steps`.
inline RouteMatch randomMatch(RouteRandom& random, const RouteUniverse& universe,
                              const std::array<bool, kRouteSteps>& steps, size_t percent) {
  const auto has = [&](RouteStep step) {
    return steps[static_cast<size_t>(step)] && below(random, 100) < percent;
  };
  RouteMatch match;
  if (has(RouteStep::kPort)) match.ports = someOf(random, universe.ports);
  if (has(RouteStep::kAddress)) match.addresses = someOf(random, universe.networks);
  if (has(RouteStep::kName)) match.names = someOf(random, universe.names);
  if (has(RouteStep::kTransport))
    match.transport = below(random, 2) == 0 ? MatchTransport::kTls : MatchTransport::kRaw;
  if (has(RouteStep::kAlpn)) match.alpn = someOf(random, universe.alpn);
  if (has(RouteStep::kSourceType))
    match.sourceType = below(random, 2) == 0 ? SourceType::kLocal : SourceType::kExternal;
  if (has(RouteStep::kSource)) match.sources = someOf(random, universe.networks);
  if (has(RouteStep::kSourcePort)) match.sourcePorts = someOf(random, universe.sourcePorts);
  return match;
}

}  // namespace culvert
