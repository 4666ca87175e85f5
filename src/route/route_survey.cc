// SPDX-License-Identifier: GPL-3.0-or-later
// See route_survey.h.
#include "route/route_survey.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace culvert {
namespace {

constexpr size_t kAllPorts = 65535;
constexpr AddressNumber kHighestAddress = ~AddressNumber(0);
constexpr AddressNumber kFirstV4 = AddressNumber(0xffff) << 32;  // ::ffff:0.0.0.0
constexpr AddressNumber kLastV4 = kFirstV4 | 0xffffffff;
constexpr AddressNumber kFirstLoopbackV4 = kFirstV4 | 0x7f000000;
constexpr AddressNumber kLastLoopbackV4 = kFirstV4 | 0x7fffffff;

using Ranges = std::vector<AddressRange>;  // sorted, and disjoint
using SharedRanges = std::shared_ptr<const Ranges>;

Ranges commonRanges(const Ranges& a, const Ranges& b) {
  Ranges both;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const AddressRange one{std::max(a[i].first, b[j].first), std::min(a[i].last, b[j].last)};
    if (one.first <= one.last) both.push_back(one);
    if (a[i].last < b[j].last)
      ++i;
    else
      ++j;
  }
  return both;
}

const Ranges& loopbackRanges() {
  static const Ranges kRanges = {{1, 1}, {kFirstLoopbackV4, kLastLoopbackV4}};
  return kRanges;
}

const Ranges& otherHostRanges() {
  static const Ranges kRanges = {
      {0, 0}, {2, kFirstLoopbackV4 - 1}, {kLastLoopbackV4 + 1, kHighestAddress}};
  return kRanges;
}

/// What is known of the clients that come to a node.
struct ClientGroup {
  enum class Tls : uint8_t { kUnknown, kYes, kNo };

  bool unixSockets = false;
  uint16_t port = 0;   // of culvert's end; 0: any
  SharedRanges local;  // the addresses of culvert's end
  SharedRanges peers;  // the addresses of clients, as far as the family of culvert's end tells
  Tls tls = Tls::kUnknown;
  SourceType type = SourceType::kAny;  // kAny: unknown
};

SharedRanges sharedRange(AddressNumber first, AddressNumber last) {
  return std::make_shared<const Ranges>(Ranges{{first, last}});
}

ClientGroup clientsAt(const SocketAddress& end) {
  ClientGroup group;
  if (end.isUnix()) {
    group.unixSockets = true;
    return group;
  }
  group.port = end.port();
  group.peers = sharedRange(0, kHighestAddress);
  group.local = group.peers;
  if (end.isIpv4()) group.local = group.peers = sharedRange(kFirstV4, kLastV4);
  if (end.isSet() && !end.isAnyAddress()) {
    const AddressNumber address = numberOf(bytesOf(end));
    group.local = sharedRange(address, address);
    if (end.isIpv6())
      group.peers =
          std::make_shared<const Ranges>(Ranges{{0, kFirstV4 - 1}, {kLastV4 + 1, kHighestAddress}});
  }
  return group;
}

/// One way on from a node: a branch (-1: any), and the clients that take it.
struct RouteWay {
  int branch = -1;
  ClientGroup clients;
};
using RouteWays = std::vector<RouteWay>;

RouteWay wayOf(int branch, const ClientGroup& clients) { return {branch, clients}; }

RouteWays allWays(const RouteNode& node, const ClientGroup& clients, bool withAny) {
  RouteWays ways;
  for (size_t i = 0; i < node.branches.size(); ++i)
    ways.push_back(wayOf(static_cast<int>(i), clients));
  if (withAny) ways.push_back(wayOf(-1, clients));
  return ways;
}

RouteWays portWays(const RouteNode& node, const ClientGroup& clients) {
  const auto& map = std::get<NumberMap>(node.values);
  const bool ofClient = node.step == RouteStep::kSourcePort;
  if (clients.unixSockets) return {wayOf(-1, clients)};
  if (!ofClient && clients.port != 0) return {wayOf(map.find(clients.port), clients)};
  return allWays(node, clients, map.keys().size() < kAllPorts);
}

/// The indexes of `PrefixMap::ranges()` end with the one of "any".
int branchOfRanges(const PrefixMap& map, size_t index) {
  return index == map.keys().size() ? -1 : static_cast<int>(index);
}

RouteWays addressWays(const RouteNode& node, const ClientGroup& clients) {
  const auto& map = std::get<PrefixMap>(node.values);
  if (clients.unixSockets) return {wayOf(map.unixKey(), clients)};
  RouteWays ways;
  const auto ranges = map.ranges();
  for (size_t i = 0; i < ranges.size(); ++i) {
    Ranges left = commonRanges(ranges[i], *clients.local);
    if (left.empty()) continue;
    ways.push_back(wayOf(branchOfRanges(map, i), clients));
    ways.back().clients.local = std::make_shared<const Ranges>(std::move(left));
  }
  return ways;
}

/// The client and culvert's end have to differ.
bool canBeExternal(const Ranges& peers, const Ranges& local) {
  const Ranges others = commonRanges(peers, otherHostRanges());
  const auto isOne = [](const Ranges& all) {
    return all.size() == 1 && all.front().first == all.front().last;
  };
  if (isOne(others) && isOne(local)) return others.front().first != local.front().first;
  return !others.empty();
}

bool canComeFrom(const Ranges& ranges, const ClientGroup& clients) {
  const Ranges peers = commonRanges(ranges, *clients.peers);
  switch (clients.type) {
    case SourceType::kAny:
      return !peers.empty();
    case SourceType::kExternal:
      return canBeExternal(peers, *clients.local);
    case SourceType::kLocal:
      return !commonRanges(peers, loopbackRanges()).empty() ||
             !commonRanges(peers, *clients.local).empty();
  }
  return true;
}

RouteWays sourceWays(const RouteNode& node, const ClientGroup& clients) {
  const auto& map = std::get<PrefixMap>(node.values);
  if (clients.unixSockets) return {wayOf(map.unixKey(), clients)};
  RouteWays ways;
  const auto ranges = map.ranges();
  for (size_t i = 0; i < ranges.size(); ++i)
    if (canComeFrom(ranges[i], clients)) ways.push_back(wayOf(branchOfRanges(map, i), clients));
  return ways;
}

/// Names and protocols: only a TLS client has them, and every client can lack them.
RouteWays textWays(const RouteNode& node, const ClientGroup& clients) {
  if (clients.tls == ClientGroup::Tls::kNo) return {wayOf(-1, clients)};
  RouteWays ways = allWays(node, clients, true);
  for (RouteWay& way : ways)
    if (way.branch >= 0) way.clients.tls = ClientGroup::Tls::kYes;
  return ways;
}

RouteWays transportWays(const RouteNode& node, const ClientGroup& clients) {
  const auto& map = std::get<NumberMap>(node.values);
  RouteWays ways;
  for (const bool tls : {true, false}) {
    if (!tls && clients.tls == ClientGroup::Tls::kYes) continue;
    const auto choice = tls ? MatchTransport::kTls : MatchTransport::kRaw;
    ways.push_back(wayOf(map.find(static_cast<uint16_t>(choice)), clients));
    ways.back().clients.tls = tls ? ClientGroup::Tls::kYes : ClientGroup::Tls::kNo;
  }
  return ways;
}

RouteWays sourceTypeWays(const RouteNode& node, const ClientGroup& clients) {
  const auto& map = std::get<NumberMap>(node.values);
  RouteWays ways;
  for (const SourceType type : {SourceType::kLocal, SourceType::kExternal}) {
    if (type == SourceType::kExternal && clients.unixSockets) continue;
    ways.push_back(wayOf(map.find(static_cast<uint16_t>(type)), clients));
    ways.back().clients.type = type;
  }
  return ways;
}

RouteWays waysFrom(const RouteNode& node, const ClientGroup& clients) {
  switch (node.step) {
    case RouteStep::kPort:
    case RouteStep::kSourcePort:
      return portWays(node, clients);
    case RouteStep::kAddress:
      return addressWays(node, clients);
    case RouteStep::kName:
    case RouteStep::kAlpn:
      return textWays(node, clients);
    case RouteStep::kTransport:
      return transportWays(node, clients);
    case RouteStep::kSourceType:
      return sourceTypeWays(node, clients);
    case RouteStep::kSource:
      return sourceWays(node, clients);
  }
  return {};
}

/// What a branch says of its clients; `few` is its values.
std::string namedWords(RouteStep step, const std::string& few) {
  switch (step) {
    case RouteStep::kPort:
      return " to port " + few;
    case RouteStep::kAddress:
      return " at " + few;
    case RouteStep::kName:
      return " for " + few;
    case RouteStep::kAlpn:
      return " that offers " + few;
    case RouteStep::kSource:
      return few == "unix" ? " on a UNIX socket" : " in " + few;
    case RouteStep::kSourcePort:
      return " with source port " + few;
    default:
      return {};
  }
}

std::string otherWords(RouteStep step, const std::string& few, bool several) {
  switch (step) {
    case RouteStep::kPort:
      return " to a port other than " + few;
    case RouteStep::kAddress:
      return " at an address other than " + few;
    case RouteStep::kName:
      return " for a name other than " + few + ", or for none,";
    case RouteStep::kAlpn:
      return several ? " that offers none of " + few : " that does not offer " + few;
    case RouteStep::kSource:
      return few == "unix" ? " not on a UNIX socket" : " outside " + few;
    case RouteStep::kSourcePort:
      return " with a source port other than " + few;
    default:
      return {};
  }
}

std::string subjectOf(const std::vector<RouteBranch>& path, bool& raw) {
  std::string subject = "a client";
  std::string place;
  for (const RouteBranch& branch : path) {
    if (branch.step == RouteStep::kTransport) {
      raw = (branch.values.front() == "raw") != branch.other;
      subject = raw ? "a raw client" : "a TLS client";
    }
    if (branch.step == RouteStep::kSourceType)
      place =
          (branch.values.front() == "local") != branch.other ? " of this host" : " of another host";
  }
  return subject + place;
}

std::string holeText(const std::vector<RouteBranch>& path) {
  constexpr RouteStep kOrder[] = {RouteStep::kSource,  RouteStep::kSourcePort, RouteStep::kPort,
                                  RouteStep::kAddress, RouteStep::kName,       RouteStep::kAlpn};
  bool raw = false;
  std::string text = subjectOf(path, raw);
  for (const RouteStep step : kOrder) {
    if (raw && (step == RouteStep::kName || step == RouteStep::kAlpn)) continue;  // it has neither
    for (const RouteBranch& branch : path) {
      if (branch.step != step) continue;
      const std::string few = fewOf(branch.values, branch.other ? "and" : "or");
      text +=
          branch.other ? otherWords(step, few, branch.values.size() > 1) : namedWords(step, few);
    }
  }
  return text + " is taken by no service";
}

/// The walk over all branches. Thread: any, for one survey.
class RouteSurveyor {
 public:
  RouteSurveyor(const RouteTable& table, size_t mostHoles, size_t mostNodes)
      : nest_(table.nest()), mostHoles_(mostHoles), mostNodes_(mostNodes) {
    survey_.reached.resize(table.services().size());
  }

  void visit(RouteTarget target, const ClientGroup& clients) {
    if (target.isNowhere()) return noteHole();
    if (!target.isNode()) {
      survey_.reached[static_cast<size_t>(target.service())] = true;
      return;
    }
    if (++visits_ > mostNodes_) survey_.complete = false;
    if (!survey_.complete) return;
    const RouteNode& node = nest_.node(target.node());
    for (const auto& [end, ways] : joined(node, waysFrom(node, clients))) {
      path_.push_back({&node, {}});
      for (const RouteWay& way : ways) path_.back().branches.push_back(way.branch);
      visit(end.second, clientsOf(ways));
      path_.pop_back();
    }
  }

  RouteSurvey take() { return std::move(survey_); }

 private:
  struct Taken {
    const RouteNode* node;
    std::vector<int> branches;
  };

  /// Ways with the same end, and with clients that differ in their addresses only, are one.
  using JoinedWays = std::map<std::pair<bool, RouteTarget>, RouteWays>;  // "any" stands alone

  static JoinedWays joined(const RouteNode& node, RouteWays ways) {
    JoinedWays groups;
    for (RouteWay& way : ways) {
      const bool any = way.branch < 0;
      const RouteTarget end = any ? node.any : node.branches[static_cast<size_t>(way.branch)];
      groups[{any, end}].push_back(std::move(way));
    }
    return groups;
  }

  static ClientGroup clientsOf(const RouteWays& ways) {
    ClientGroup clients = ways.front().clients;
    if (ways.size() == 1) return clients;
    for (const RouteWay& way : ways) {
      if (way.clients.tls != clients.tls) clients.tls = ClientGroup::Tls::kUnknown;
      if (way.clients.type != clients.type) clients.type = SourceType::kAny;
    }
    if (clients.unixSockets) return clients;
    Ranges all;
    for (const RouteWay& way : ways)
      if (&way == &ways.front() || way.clients.local != clients.local)
        all.insert(all.end(), way.clients.local->begin(), way.clients.local->end());
    std::sort(all.begin(), all.end(),
              [](const AddressRange& a, const AddressRange& b) { return a.first < b.first; });
    clients.local = std::make_shared<const Ranges>(std::move(all));
    return clients;
  }

  void noteHole() {
    if (survey_.moreHoles) return;
    std::vector<RouteBranch> path;
    for (const Taken& taken : path_) path.push_back(branchOf(taken));
    for (const RouteHole& hole : survey_.holes)
      if (hole.path == path) return;
    if (survey_.holes.size() == mostHoles_) {
      survey_.moreHoles = true;
      return;
    }
    std::string text = holeText(path);
    survey_.holes.push_back({std::move(path), std::move(text)});
  }

  static RouteBranch branchOf(const Taken& taken) {
    RouteBranch branch;
    branch.step = taken.node->step;
    branch.other = taken.branches.front() < 0;
    std::vector<int> indexes = taken.branches;
    if (branch.other) {
      indexes.resize(taken.node->branches.size());
      for (size_t i = 0; i < indexes.size(); ++i) indexes[i] = static_cast<int>(i);
    }
    std::sort(indexes.begin(), indexes.end());
    for (const int index : indexes)
      branch.values.push_back(
          routeText(branch.step, taken.node->value(static_cast<size_t>(index))));
    return branch;
  }

  const RouteNest& nest_;
  const size_t mostHoles_;
  const size_t mostNodes_;
  RouteSurvey survey_;
  std::vector<Taken> path_;
  size_t visits_ = 0;
};

}  // namespace

RouteSurvey surveyRoutes(const RouteTable& table, std::span<const SocketAddress> ends,
                         size_t mostHoles, size_t mostNodes) {
  RouteSurveyor surveyor(table, mostHoles, mostNodes);
  for (const SocketAddress& end : ends) surveyor.visit(table.nest().root(), clientsAt(end));
  if (ends.empty()) {
    surveyor.visit(table.nest().root(), clientsAt(SocketAddress()));
    surveyor.visit(table.nest().root(), clientsAt(SocketAddress::unixPath("/")));
  }
  return surveyor.take();
}

}  // namespace culvert
