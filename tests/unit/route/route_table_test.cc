// SPDX-License-Identifier: GPL-3.0-or-later
// The rules by which a RouteTable chooses, one by one, in the words of Envoy's documentation of the
// filter chain match where Envoy has the same rule.
#include "route/route_table.h"

#include <gtest/gtest.h>

#include "route_judge.h"

namespace culvert {
namespace {

/// A connection to 10.0.0.1:443 from 192.0.2.7:50000 that begins with TLS, without name and ALPN.
RouteFacts tlsClient(std::string_view name = "", std::vector<std::string_view> alpn = {}) {
  RouteFacts facts;
  facts.local = routeAddress("10.0.0.1:443");
  facts.peer = routeAddress("192.0.2.7:50000");
  facts.tls = true;
  facts.serverName = name;
  facts.alpn = std::move(alpn);
  return facts;
}

RouteFacts rawClient() {
  RouteFacts facts = tlsClient();
  facts.tls = false;
  return facts;
}

RouteFacts from(std::string_view peer, RouteFacts facts = tlsClient()) {
  facts.peer = routeAddress(peer);
  return facts;
}

RouteFacts to(std::string_view local, RouteFacts facts = tlsClient()) {
  facts.local = routeAddress(local);
  return facts;
}

RouteFacts overUnix(std::string_view name = "") {
  RouteFacts facts = tlsClient(name);
  facts.local = SocketAddress::unixPath("/run/x");
  const sockaddr_un unnamed{.sun_family = AF_UNIX, .sun_path = {}};
  facts.peer =
      SocketAddress::fromSockaddr(reinterpret_cast<const sockaddr*>(&unnamed), sizeof(sa_family_t));
  return facts;
}

const RouteMatch kFallback{.fallback = true};

constexpr RouteChoice lostAt(RouteStep step) { return {-1, false, step}; }

TEST(RouteTable, TakesNobodyWithoutServices) {
  const RouteTable table({});
  EXPECT_EQ(table.choose(tlsClient()), lostAt(RouteStep::kPort));
  EXPECT_EQ(table.early(tlsClient()), lostAt(RouteStep::kPort));
  EXPECT_EQ(table.silent(tlsClient()), std::nullopt);
  EXPECT_EQ(table.needs(), RouteNeeds{});
}

TEST(RouteTable, GivesEverythingToASingleServiceAtAccept) {
  const RouteTable table({RouteMatch{}});
  EXPECT_EQ(table.choose(tlsClient("x")).service, 0);
  EXPECT_EQ(table.early(tlsClient())->service, 0);
  EXPECT_EQ(table.silent(tlsClient()), 0);
  EXPECT_EQ(table.needs(), RouteNeeds{});
}

// "server_names: a.b.example.com, *.b.example.com, *.example.com, *.com, no server names."
TEST(RouteTable, TakesTheExactNameThenTheLongestSuffixThenNoName) {
  const RouteTable table({{.names = {"*.example.org"}},
                          {.names = {"*.b.example.org"}},
                          {.names = {"a.b.example.org"}},
                          {.names = {"*.org"}},
                          {}});
  EXPECT_EQ(table.choose(tlsClient("a.b.example.org")).service, 2);
  EXPECT_EQ(table.choose(tlsClient("c.b.example.org")).service, 1);
  EXPECT_EQ(table.choose(tlsClient("x.a.b.example.org")).service, 1);
  EXPECT_EQ(table.choose(tlsClient("b.example.org")).service, 0);
  EXPECT_EQ(table.choose(tlsClient("example.org")).service, 3);
  EXPECT_EQ(table.choose(tlsClient("org")).service, 4);
  EXPECT_EQ(table.choose(tlsClient("example.net")).service, 4);
  EXPECT_EQ(table.choose(tlsClient("")).service, 4);
}

TEST(RouteTable, ASuffixCoversAnyDepthButNotItself) {
  const RouteTable table({{.names = {"*.example.org"}}});
  EXPECT_EQ(table.choose(tlsClient("a.example.org")).service, 0);
  EXPECT_EQ(table.choose(tlsClient("a.b.c.d.example.org")).service, 0);
  EXPECT_EQ(table.choose(tlsClient("example.org")), lostAt(RouteStep::kName));
  EXPECT_EQ(table.choose(tlsClient(".example.org")), lostAt(RouteStep::kName));
  EXPECT_EQ(table.choose(tlsClient("xexample.org")), lostAt(RouteStep::kName));
  EXPECT_EQ(table.choose(tlsClient("a.example.org.")), lostAt(RouteStep::kName));
}

TEST(RouteTable, AClientWithoutANameFitsOnlyServicesWithoutNames) {
  const RouteTable table({{.names = {"www.example.org"}}, {.transport = MatchTransport::kTls}});
  EXPECT_EQ(table.choose(tlsClient("")).service, 1);
  EXPECT_EQ(table.choose(rawClient()), lostAt(RouteStep::kTransport));
}

// "If there is a match at a step, filter chains with less specific values are not considered."
TEST(RouteTable, NeverGoesBackToALessSpecificName) {
  const RouteTable table({{.names = {"www.example.org"}, .alpn = {"h2"}},
                          {.names = {"*.example.org"}, .alpn = {"http/1.1"}},
                          {.alpn = {"http/1.1"}}});
  EXPECT_EQ(table.choose(tlsClient("www.example.org", {"h2"})).service, 0);
  EXPECT_EQ(table.choose(tlsClient("www.example.org", {"http/1.1"})), lostAt(RouteStep::kAlpn));
  EXPECT_EQ(table.choose(tlsClient("api.example.org", {"http/1.1"})).service, 1);
  EXPECT_EQ(table.choose(tlsClient("example.net", {"http/1.1"})).service, 2);
}

// "There is an entry for the specific port but none of the chains matches: instead of matching the
// catch-all port, the default filter chain is returned."
TEST(RouteTable, APortWithServicesNeverFallsBackToServicesOfAnyPort) {
  const RouteTable table(
      {{.ports = {8443}, .names = {"admin.example.org"}}, {.names = {"*.example.org"}}, kFallback});
  EXPECT_EQ(table.choose(to("10.0.0.1:8443", tlsClient("admin.example.org"))).service, 0);
  EXPECT_EQ(table.choose(to("10.0.0.1:8443", tlsClient("www.example.org"))),
            (RouteChoice{2, true, RouteStep::kName}));
  EXPECT_EQ(table.choose(tlsClient("admin.example.org")).service, 1);
}

TEST(RouteTable, ThePortComesBeforeTheAddressAndTheName) {
  const RouteTable table(
      {{.ports = {443}}, {.addresses = {routeNetwork("10.0.0.1")}, .names = {"www.example.org"}}});
  EXPECT_EQ(table.choose(tlsClient("www.example.org")).service, 0);
  EXPECT_EQ(table.choose(to("10.0.0.1:444", tlsClient("www.example.org"))).service, 1);
}

TEST(RouteTable, TheLongestNetworkWins) {
  const RouteTable table({{.addresses = {routeNetwork("10.0.0.0/8")}},
                          {.addresses = {routeNetwork("10.0.0.0/24"), routeNetwork("10.9.9.9")}},
                          {.addresses = {routeNetwork("10.0.0.1")}},
                          {.addresses = {routeNetwork("0.0.0.0/0")}},
                          {.addresses = {routeNetwork("::/0")}},
                          {}});
  EXPECT_EQ(table.choose(to("10.0.0.1:1")).service, 2);
  EXPECT_EQ(table.choose(to("10.0.0.2:1")).service, 1);
  EXPECT_EQ(table.choose(to("10.9.9.9:1")).service, 1);
  EXPECT_EQ(table.choose(to("10.1.0.0:1")).service, 0);
  EXPECT_EQ(table.choose(to("11.0.0.0:1")).service, 3);
  EXPECT_EQ(table.choose(to("[2001:db8::1]:1")).service, 4);
  EXPECT_EQ(table.choose(overUnix()).service, 5);
  EXPECT_EQ(table.early(to("10.0.0.1:1"))->service, 2) << "addresses are known at accept";
}

// "UNIX domain sockets match only chains without an address."
TEST(RouteTable, AUnixSocketHasNoPortAndNoNetwork) {
  const RouteTable table({{.ports = {443}},
                          {.sources = {routeNetwork("::/0")}},
                          {.sources = {routeNetwork("unix")}, .sourcePorts = {7}},
                          {.sources = {routeNetwork("unix")}}});
  EXPECT_EQ(table.choose(overUnix()).service, 3);
}

TEST(RouteTable, TransportIsExactThenAny) {
  const RouteTable table({{.transport = MatchTransport::kRaw}, {.names = {}}});
  EXPECT_EQ(table.choose(rawClient()).service, 0);
  EXPECT_EQ(table.choose(tlsClient()).service, 1);
  EXPECT_EQ(table.needs(), (RouteNeeds{.bytes = true, .hello = false}));
  EXPECT_EQ(table.early(rawClient()), std::nullopt);
}

// "Of several protocols of the client, the first one that a chain names decides."
TEST(RouteTable, TheClientsOrderOfProtocolsDecides) {
  const RouteTable table({{.alpn = {"http/1.1"}}, {.alpn = {"h2", "h3"}}, {}});
  EXPECT_EQ(table.choose(tlsClient("", {"h2", "http/1.1"})).service, 1);
  EXPECT_EQ(table.choose(tlsClient("", {"http/1.1", "h2"})).service, 0);
  EXPECT_EQ(table.choose(tlsClient("", {"spdy", "h3", "http/1.1"})).service, 1);
  EXPECT_EQ(table.choose(tlsClient("", {"spdy"})).service, 2);
  EXPECT_EQ(table.choose(tlsClient()).service, 2);
}

TEST(RouteTable, ProtocolsHaveNoSuffixes) {
  const RouteTable table({{.alpn = {"*.org"}}, {}});
  EXPECT_EQ(table.choose(tlsClient("", {"a.org"})).service, 1);
  EXPECT_EQ(table.choose(tlsClient("", {"*.org"})).service, 0);
}

// "SAME_IP_OR_LOOPBACK: a connection from the same host. EXTERNAL: from another host."
TEST(RouteTable, ALocalClientIsOnLoopbackOrHasCulvertsAddressOrAUnixSocket) {
  const RouteTable table({{.sourceType = SourceType::kLocal}, {}});
  EXPECT_EQ(table.choose(from("127.0.0.1:5")).service, 0);
  EXPECT_EQ(table.choose(from("127.9.9.9:5")).service, 0);
  EXPECT_EQ(table.choose(from("[::1]:5")).service, 0);
  EXPECT_EQ(table.choose(from("10.0.0.1:5")).service, 0);
  EXPECT_EQ(table.choose(overUnix()).service, 0);
  EXPECT_EQ(table.choose(from("10.0.0.2:5")).service, 1);
  RouteFacts unknown = tlsClient();
  unknown.local = unknown.peer = SocketAddress();
  EXPECT_EQ(table.choose(unknown).service, 1);
}

TEST(RouteTable, ExternalExcludesLocalAndAnyTakesTheRest) {
  const RouteTable both({{.sourceType = SourceType::kExternal}, {}});
  EXPECT_EQ(both.choose(from("127.0.0.1:5")).service, 1);
  EXPECT_EQ(both.choose(from("10.0.0.2:5")).service, 0);
  const RouteTable external({{.sourceType = SourceType::kExternal}});
  EXPECT_EQ(external.choose(from("127.0.0.1:5")), lostAt(RouteStep::kSourceType));
}

TEST(RouteTable, TheSourceTypeComesBeforeTheSource) {
  const RouteTable table({{.sourceType = SourceType::kLocal, .sources = {routeNetwork("::1")}},
                          {.sources = {routeNetwork("127.0.0.1")}}});
  EXPECT_EQ(table.choose(from("127.0.0.1:5")), lostAt(RouteStep::kSource));
  EXPECT_EQ(table.choose(from("[::1]:5")).service, 0);
}

TEST(RouteTable, TheSourcePortIsTheLastStep) {
  const RouteTable table({{.sources = {routeNetwork("192.0.2.0/24")}, .sourcePorts = {7, 9}},
                          {.sources = {routeNetwork("192.0.0.0/16")}},
                          {.sources = {routeNetwork("192.0.2.8")}},
                          {.sources = {routeNetwork("192.0.2.8")}, .sourcePorts = {9}}});
  EXPECT_EQ(table.choose(from("192.0.2.7:9")).service, 0);
  EXPECT_EQ(table.choose(from("192.0.2.7:8")), lostAt(RouteStep::kSourcePort));
  EXPECT_EQ(table.choose(from("192.0.3.7:8")).service, 1);
  EXPECT_EQ(table.choose(from("192.0.2.8:9")).service, 3);
  EXPECT_EQ(table.choose(from("192.0.2.8:7")).service, 2);
}

TEST(RouteTable, TheFallbackTakesEveryMiss) {
  const RouteTable table({kFallback, {.names = {"a.example.org"}, .alpn = {"h2"}}});
  EXPECT_EQ(table.fallback(), 0);
  EXPECT_EQ(table.choose(tlsClient("b")), (RouteChoice{0, true, RouteStep::kName}));
  EXPECT_EQ(table.choose(tlsClient("a.example.org")), (RouteChoice{0, true, RouteStep::kAlpn}));
  EXPECT_EQ(table.choose(tlsClient("a.example.org", {"h2"})).service, 1);
  EXPECT_EQ(RouteTable({kFallback}).early(tlsClient()), (RouteChoice{0, true, RouteStep::kPort}));
}

TEST(RouteTable, CriteriaOfAFallbackDoNotCount) {
  const RouteTable table({{.ports = {1}, .names = {"x"}, .fallback = true}});
  EXPECT_EQ(table.choose(tlsClient("y")).service, 0);
  EXPECT_EQ(table.needs(), RouteNeeds{});
}

TEST(RouteTable, OfEqualServicesTheFirstOneCounts) {
  const RouteTable table({{.names = {"a", "b"}}, {.names = {"b", "c"}}, kFallback, kFallback});
  EXPECT_EQ(table.choose(tlsClient("b")).service, 0);
  EXPECT_EQ(table.choose(tlsClient("c")).service, 1);
  EXPECT_EQ(table.choose(tlsClient("d")).service, 2);
}

TEST(RouteTable, DecidesEarlyWhereOnlyAddressesAreLeft) {
  const RouteTable table({{.ports = {22}},
                          {.ports = {443}, .names = {"www.example.org"}},
                          {.ports = {25}, .sources = {routeNetwork("10.0.0.0/8")}}});
  EXPECT_EQ(table.early(to("10.0.0.1:22"))->service, 0);
  EXPECT_EQ(table.early(to("10.0.0.1:443")), std::nullopt);
  EXPECT_EQ(table.early(to("10.0.0.1:25", from("10.9.9.9:1")))->service, 2);
  EXPECT_EQ(table.early(to("10.0.0.1:25", from("11.9.9.9:1"))), lostAt(RouteStep::kSource));
  EXPECT_EQ(table.early(to("10.0.0.1:80")), lostAt(RouteStep::kPort));
  EXPECT_EQ(table.needs(), (RouteNeeds{.bytes = true, .hello = true}));
}

TEST(RouteTable, ASilentClientGoesToTheRawServiceThenToTheFallback) {
  const RouteMatch web{.names = {"www.example.org"}, .transport = MatchTransport::kTls};
  const RouteMatch ssh{.transport = MatchTransport::kRaw, .sources = {routeNetwork("10.0.0.0/8")}};
  const RouteTable table({web, ssh});
  EXPECT_EQ(table.silent(from("10.1.1.1:5")), 1);
  EXPECT_EQ(table.silent(from("10.1.1.1:5", tlsClient("www.example.org"))), 1);
  EXPECT_EQ(table.silent(from("11.1.1.1:5")), std::nullopt);
  const RouteTable withFallback({web, ssh, kFallback});
  EXPECT_EQ(withFallback.silent(from("10.1.1.1:5")), 1);
  EXPECT_EQ(withFallback.silent(from("11.1.1.1:5")), 2);
}

TEST(RouteTable, SurvivesNamesOfAnyForm) {
  const RouteTable table({{.names = {"*.example.org", "a..example.org"}}});
  const std::string dots(70'000, '.');
  EXPECT_EQ(table.choose(tlsClient(dots)), lostAt(RouteStep::kName));
  EXPECT_EQ(table.choose(tlsClient("a..example.org")).service, 0);
  EXPECT_EQ(table.choose(tlsClient("*.example.org")).service, 0);
  EXPECT_EQ(table.choose(tlsClient(dots + "example.org")).service, 0);
}

TEST(RouteTable, CanBeCopiedAndMoved) {
  auto original = std::make_unique<RouteTable>(
      std::vector<RouteMatch>{{.names = {"a-name-that-is-on-the-heap.example.org"}}, kFallback});
  const RouteTable copy = *original;
  const RouteTable moved = std::move(*original);
  original.reset();
  for (const RouteTable* table : {&copy, &moved})
    EXPECT_EQ(table->choose(tlsClient("a-name-that-is-on-the-heap.example.org")).service, 0);
}

}  // namespace
}  // namespace culvert
