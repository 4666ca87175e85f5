// SPDX-License-Identifier: GPL-3.0-or-later
// Services that cannot be told apart, that no client reaches, and clients without a service: in
// words, and against the enumeration of all kinds of connections in small universes.
#include "route/route_conflicts.h"

#include <gtest/gtest.h>

#include <set>

#include "route_judge.h"

namespace culvert {
namespace {

using Texts = std::vector<std::string>;

std::vector<SocketAddress> endsOf(const std::vector<const char*>& texts) {
  std::vector<SocketAddress> ends;
  for (const char* text : texts) ends.push_back(parseAddress(text, AddressUse::kListen)->address);
  return ends;
}

Texts conflictsOf(const std::vector<RouteMatch>& services, size_t most = 16) {
  Texts texts;
  const auto conflicts = findConflicts(RouteTable(services), most);
  for (const RouteConflict& one : conflicts.pairs)
    texts.push_back(std::to_string(one.first) + "+" + std::to_string(one.second) + ": " +
                    one.shared);
  if (conflicts.more) texts.push_back("more");
  return texts;
}

Texts unreachableOf(const std::vector<RouteMatch>& services,
                    const std::vector<const char*>& ends = {"*:443"}) {
  Texts texts;
  for (const auto& one : findUnreachable(RouteTable(services), endsOf(ends)))
    texts.push_back(std::to_string(one.service) + ": " + one.reason);
  return texts;
}

Texts holesOf(const std::vector<RouteMatch>& services,
              const std::vector<const char*>& ends = {"*:443"}, size_t most = 16) {
  Texts texts;
  const auto holes = findHoles(RouteTable(services), endsOf(ends), most);
  for (const RouteHole& hole : holes.holes) {
    std::string text = hole.text;
    const std::string ending = " is taken by no service";
    EXPECT_TRUE(text.starts_with("a ") && text.ends_with(ending)) << text;
    texts.push_back(text.substr(0, text.size() - ending.size()));
  }
  if (holes.more) texts.push_back("more");
  return texts;
}

TEST(RouteConflicts, NamesWhatTwoServicesShare) {
  EXPECT_EQ(conflictsOf({{.names = {"www.example.org", "a"}, .alpn = {"h2", "http/1.1"}},
                         {.names = {"www.example.org"}, .alpn = {"http/1.1"}},
                         {.names = {"www.example.org"}}}),
            Texts{"0+1: name www.example.org, ALPN http/1.1"});
  EXPECT_EQ(conflictsOf({{.ports = {443, 8443}, .addresses = {routeNetwork("10.0.0.1")}},
                         {.ports = {8443, 443, 443}, .addresses = {routeNetwork("10.0.0.1")}}}),
            Texts{"0+1: ports 443 and 8443, address 10.0.0.1"});
  EXPECT_EQ(conflictsOf({{.transport = MatchTransport::kRaw,
                          .sourceType = SourceType::kLocal,
                          .sources = {routeNetwork("::1"), routeNetwork("unix")},
                          .sourcePorts = {7}},
                         {.transport = MatchTransport::kRaw,
                          .sourceType = SourceType::kLocal,
                          .sources = {routeNetwork("unix"), routeNetwork("::1")},
                          .sourcePorts = {7}}}),
            Texts{"0+1: transport raw, source type local, sources ::1 and unix, source port 7"});
}

TEST(RouteConflicts, SeesServicesWithoutCriteriaAndTwoFallbacks) {
  EXPECT_EQ(conflictsOf({{}, {.names = {"a"}}, {}}), Texts{"0+2: neither has a match option"});
  EXPECT_EQ(conflictsOf({{.fallback = true}, {.names = {"a"}}, {.fallback = true}}),
            Texts{"0+2: both are the fallback"});
  EXPECT_TRUE(conflictsOf({{}, {.fallback = true}}).empty());
}

TEST(RouteConflicts, DifferentValuesAreNoConflict) {
  EXPECT_TRUE(conflictsOf({{.names = {"*.example.org"}}, {.names = {"www.example.org"}}}).empty());
  EXPECT_TRUE(conflictsOf({{.sources = {routeNetwork("10.0.0.0/8")}},
                           {.sources = {routeNetwork("10.0.0.0/9")}}})
                  .empty());
  EXPECT_TRUE(conflictsOf({{.names = {"a"}}, {.names = {"a"}, .alpn = {"h2"}}}).empty());
}

TEST(RouteConflicts, OutputOfManyConflictsIsBounded) {
  const std::vector<RouteMatch> services(10'000, RouteMatch{.names = {"a"}});
  const auto texts = conflictsOf(services, 2);
  EXPECT_EQ(texts, (Texts{"0+1: name a", "0+2: name a", "more"}));
}

TEST(RouteUnreachable, SaysWhyNoClientComes) {
  EXPECT_EQ(unreachableOf({{.names = {"a"}, .transport = MatchTransport::kRaw}, {}}),
            Texts{"0: a raw client has no server name"});
  EXPECT_EQ(unreachableOf({{.transport = MatchTransport::kRaw, .alpn = {"h2"}}, {}}),
            Texts{"0: a raw client offers no ALPN"});
  EXPECT_EQ(unreachableOf({{.sourceType = SourceType::kExternal,
                            .sources = {routeNetwork("127.0.0.0/8"), routeNetwork("::1")}},
                           {}}),
            Texts{"0: the clients of its match-source are on this host"});
}

TEST(RouteUnreachable, SeesServicesThatOthersCover) {
  EXPECT_EQ(
      unreachableOf({{}, {.transport = MatchTransport::kTls}, {.transport = MatchTransport::kRaw}}),
      Texts{"0: other services take all clients that it could take"});
  EXPECT_EQ(unreachableOf({{.names = {"a"}}, {.names = {"a"}, .transport = MatchTransport::kTls}}),
            Texts{"0: other services take all clients that it could take"});
  EXPECT_EQ(unreachableOf({{.sources = {routeNetwork("10.0.0.0/8")}},
                           {.sources = {routeNetwork("10.0.0.0/9")}},
                           {.sources = {routeNetwork("10.128.0.0/9")}}}),
            Texts{"0: other services take all clients that it could take"});
  EXPECT_EQ(unreachableOf({{.sourceType = SourceType::kLocal},
                           {.sourceType = SourceType::kExternal},
                           {.fallback = true}}),
            Texts{"2: the other services take all clients"});
}

TEST(RouteUnreachable, AClientWithCulvertsAddressIsNotExternal) {
  const RouteMatch match{.addresses = {routeNetwork("10.1.2.3")},
                         .sourceType = SourceType::kExternal,
                         .sources = {routeNetwork("10.1.2.3")}};
  EXPECT_EQ(unreachableOf({match, {.addresses = match.addresses}}),
            Texts{"0: other services take all clients that it could take"});
  RouteMatch local = match;
  local.sourceType = SourceType::kLocal;
  EXPECT_TRUE(unreachableOf({local, {.addresses = match.addresses}}).empty());
  local.sources = {routeNetwork("10.1.2.4")};
  EXPECT_EQ(unreachableOf({local, {.addresses = match.addresses}}),
            Texts{"0: other services take all clients that it could take"});
}

TEST(RouteUnreachable, CountsTheAddressesOfTheListenersOnly) {
  const std::vector<RouteMatch> services = {
      {.ports = {8443}}, {.addresses = {routeNetwork("10.0.0.0/8")}}, {}};
  EXPECT_EQ(unreachableOf(services, {"10.0.0.1:443"}),
            (Texts{"0: other services take all clients that it could take",
                   "2: other services take all clients that it could take"}));
  EXPECT_EQ(unreachableOf(services, {"10.0.0.1:443", "[::1]:8443"}),
            Texts{"2: other services take all clients that it could take"});
  EXPECT_TRUE(unreachableOf(services, {}).empty()) << "behind a PROXY header";
  EXPECT_EQ(unreachableOf({{.sources = {routeNetwork("::/0")}}, {.fallback = true}}, {"unix:/x"}),
            Texts{"0: other services take all clients that it could take"});
}

TEST(RouteHoles, AreWrittenAsClientsThatNobodyTakes) {
  EXPECT_EQ(holesOf({{.names = {"www.example.org"}},
                     {.names = {"db.example.org"}, .alpn = {"postgresql"}},
                     {}}),
            Texts{"a client for db.example.org that does not offer postgresql"});
  EXPECT_EQ(holesOf({{.names = {"a", "b"}, .alpn = {"h2", "http/1.1"}}, {}}),
            Texts{"a client for a or b that offers none of h2 and http/1.1"});
  EXPECT_EQ(holesOf({{.names = {"a"}, .sources = {routeNetwork("10.0.0.0/8")}},
                     {.transport = MatchTransport::kRaw, .sourceType = SourceType::kExternal}}),
            (Texts{"a client outside 10.0.0.0/8 for a", "a raw client of this host",
                   "a TLS client for a name other than a, or for none,"}));
  EXPECT_EQ(holesOf({{.ports = {443},
                      .addresses = {routeNetwork("10.0.0.0/8")},
                      .sources = {routeNetwork("10.1.0.0/16"), routeNetwork("10.2.0.0/16")},
                      .sourcePorts = {7, 9}}}),
            (Texts{"a client in 10.1.0.0/16 or 10.2.0.0/16 with a source port other than 7 and 9 "
                   "to port 443 at 10.0.0.0/8",
                   "a client outside 10.1.0.0/16 and 10.2.0.0/16 to port 443 at 10.0.0.0/8",
                   "a client to port 443 at an address other than 10.0.0.0/8"}));
}

TEST(RouteHoles, NoneWithAFallbackOrAServiceForAll) {
  EXPECT_TRUE(holesOf({{.names = {"a"}, .alpn = {"h2"}}, {.fallback = true}}).empty());
  EXPECT_TRUE(holesOf({{.names = {"a"}}, {}}).empty());
  EXPECT_TRUE(holesOf({{.sources = {routeNetwork("0.0.0.0/0")}}}, {"127.0.0.1:443"}).empty());
  EXPECT_EQ(holesOf({{.sources = {routeNetwork("0.0.0.0/0")}}}, {"*:443"}),
            Texts{"a client outside 0.0.0.0/0"});
}

TEST(RouteHoles, CountTheAddressesOfTheListenersOnly) {
  const std::vector<RouteMatch> services = {{.ports = {443}}, {.ports = {8443}}};
  EXPECT_TRUE(holesOf(services, {"*:443", "*:8443"}).empty());
  EXPECT_EQ(holesOf(services, {}), Texts{"a client to a port other than 443 and 8443"});
  EXPECT_TRUE(holesOf({{.addresses = {routeNetwork("10.0.0.1")}}}, {"10.0.0.1:1"}).empty());
}

TEST(RouteHoles, OutputOfManyHolesIsBounded) {
  std::vector<RouteMatch> services;
  for (int i = 0; i < 1'000; ++i)
    services.push_back({.names = {"host" + std::to_string(i)}, .alpn = {"h2"}});
  const auto texts = holesOf(services, {"*:443"}, 3);
  ASSERT_EQ(texts.size(), 4U);
  EXPECT_EQ(texts.back(), "more");
}

TEST(RouteSurvey, GivesUpOnTablesThatAreTooLarge) {
  const RouteTable table({{.names = {"a"}, .alpn = {"h2"}}, {.names = {"b"}, .alpn = {"h3"}}});
  EXPECT_TRUE(surveyRoutes(table, {}, 16, 6).complete) << "three nodes, from TCP and from UNIX";
  const RouteSurvey survey = surveyRoutes(table, {}, 16, 2);
  EXPECT_FALSE(survey.complete);
  EXPECT_EQ(survey.reached, (std::vector<bool>{true, false}));
}

// --- enumeration ------------------------------------------------------------------------------------

constexpr size_t kStepsInUse = 4;

/// All kinds of connections that random services with these steps can tell apart.
std::vector<RouteFacts> allConnections(const RouteUniverse& universe,
                                       const std::array<bool, kRouteSteps>& steps) {
  const auto uses = [&](RouteStep step) { return steps[static_cast<size_t>(step)]; };
  std::vector<std::pair<SocketAddress, SocketAddress>> addresses;
  const bool type = uses(RouteStep::kSourceType);
  const std::vector<const char*> one = {"11.0.0.1"};
  const auto& locals = uses(RouteStep::kAddress) || type ? universe.addressTexts : one;
  const auto& peers = uses(RouteStep::kSource) || type ? universe.addressTexts : one;
  const std::vector<uint16_t> noPorts = {1};
  for (const char* local : locals)
    for (const uint16_t port : uses(RouteStep::kPort) ? universe.localPorts : noPorts)
      for (const char* peer : peers)
        for (const uint16_t from : uses(RouteStep::kSourcePort) ? universe.clientPorts : noPorts) {
          SocketAddress end = routeAddress(std::string(local) + ":1");
          SocketAddress client = routeAddress(std::string(peer) + ":1");
          end.setPort(port);
          client.setPort(from);
          addresses.emplace_back(end, client);
        }
  addresses.emplace_back(SocketAddress::unixPath("/x"), SocketAddress::unixPath("/y"));

  std::vector<RouteFacts> hellos(1);
  const std::vector<std::string_view> noNames = {""};
  for (const std::string_view name : uses(RouteStep::kName) ? universe.clientNames : noNames) {
    hellos.push_back({.tls = true, .serverName = name});
    for (const std::string& protocol : universe.alpn)
      if (uses(RouteStep::kAlpn))
        hellos.push_back({.tls = true, .serverName = name, .alpn = {protocol}});
  }
  std::vector<RouteFacts> all;
  for (const auto& [local, peer] : addresses)
    for (RouteFacts facts : hellos) {
      facts.local = local;
      facts.peer = peer;
      all.push_back(std::move(facts));
    }
  return all;
}

/// Writes a hole as the judge writes its path: one text for each combination of values.
void expandHole(const RouteHole& hole, size_t at, const std::string& begin,
                std::set<std::string>& texts) {
  if (at == hole.path.size()) {
    EXPECT_TRUE(texts.insert(begin).second) << "reported twice: " << begin;
    return;
  }
  const RouteBranch& branch = hole.path[at];
  const std::string step = begin + " " + std::to_string(static_cast<int>(branch.step));
  if (branch.other) return expandHole(hole, at + 1, step + "*", texts);
  for (const std::string& value : branch.values)
    expandHole(hole, at + 1, step + "=" + value, texts);
}

struct Enumeration {
  std::set<std::string> holes;
  std::set<int> chosen;
};

Enumeration enumerate(const std::vector<RouteMatch>& services,
                      const std::vector<RouteFacts>& connections) {
  Enumeration found;
  const RouteTable table(services);
  for (const RouteFacts& facts : connections) {
    const int service = table.choose(facts).service;
    if (service >= 0) {
      found.chosen.insert(service);
      continue;
    }
    std::string path;
    for (const std::string& step : judge(services, facts).path) path += " " + step;
    found.holes.insert(path);
  }
  return found;
}

std::set<std::pair<int, int>> equalPairs(const std::vector<RouteMatch>& services) {
  std::set<std::pair<int, int>> pairs;
  for (size_t b = 0; b < services.size(); ++b)
    for (size_t a = 0; a < b; ++a) {
      bool equal = true;
      for (size_t s = 0; s < kRouteSteps; ++s) {
        std::set<std::string> ofA, ofB;
        for (const auto& value : rankStep(static_cast<RouteStep>(s), services[a], {}))
          ofA.insert(value.text);
        bool common = false;
        for (const auto& value : rankStep(static_cast<RouteStep>(s), services[b], {})) {
          ofB.insert(value.text);
          common = common || ofA.contains(value.text);
        }
        equal = equal && (common || (ofA.empty() && ofB.empty()));
      }
      if (equal) pairs.emplace(a, b);
    }
  return pairs;
}

void compareWithEnumeration(uint64_t seed, const RouteUniverse& universe, size_t& holes,
                            size_t& unreachable, size_t& conflicts) {
  RouteRandom random(seed);
  std::array<bool, kRouteSteps> steps{};
  for (size_t i = 0; i < kStepsInUse; ++i) steps[below(random, kRouteSteps)] = true;
  std::vector<RouteMatch> services(1 + below(random, 6));
  for (RouteMatch& match : services) match = randomMatch(random, universe, steps, 60);
  const RouteTable table(services);

  std::set<std::pair<int, int>> pairs;
  std::set<int> inConflict;
  for (const RouteConflict& one : findConflicts(table, 1'000).pairs) {
    ASSERT_TRUE(pairs.emplace(one.first, one.second).second);
    inConflict.insert({one.first, one.second});
  }
  ASSERT_EQ(pairs, equalPairs(services));

  const Enumeration found = enumerate(services, allConnections(universe, steps));
  std::set<std::string> texts;
  for (const RouteHole& hole : findHoles(table, {}, 100'000).holes) expandHole(hole, 0, "", texts);
  ASSERT_EQ(texts, found.holes);

  std::set<int> idle, neverChosen;
  for (const auto& one : findUnreachable(table, {}, 1'000)) idle.insert(one.service);
  for (int i = 0; i < static_cast<int>(services.size()); ++i)
    if (!found.chosen.contains(i) && !inConflict.contains(i)) neverChosen.insert(i);
  ASSERT_EQ(idle, neverChosen);
  holes += texts.size();
  unreachable += idle.size();
  conflicts += pairs.size();
}

TEST(RouteSurvey, AgreesWithTheEnumerationOfAllConnections) {
  const RouteUniverse universe;
  size_t holes = 0, unreachable = 0, conflicts = 0;
#ifdef CULVERT_SANITIZED
  constexpr uint64_t kSets = 30;
#else
  constexpr uint64_t kSets = 100;
#endif
  for (uint64_t seed = 0; seed < kSets; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    compareWithEnumeration(seed, universe, holes, unreachable, conflicts);
    if (HasFailure()) return;
  }
  printf("%llu sets: %zu holes, %zu unreachable services, %zu conflicts\n",
         static_cast<unsigned long long>(kSets), holes, unreachable, conflicts);
  EXPECT_GT(holes, 100U);
  EXPECT_GT(unreachable, 5U);
  EXPECT_GT(conflicts, 2U);
}

}  // namespace
}  // namespace culvert
