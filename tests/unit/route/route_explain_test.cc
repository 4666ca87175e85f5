// SPDX-License-Identifier: GPL-3.0-or-later
// The words in which a choice is explained. That they agree with the choice is shown by
// route_property_test.cc.
#include "route/route_explain.h"

#include <gtest/gtest.h>

#include "route_judge.h"

namespace culvert {
namespace {

RouteFacts client(std::string_view name = "www.example.org",
                  std::vector<std::string_view> alpn = {"h2", "http/1.1"}) {
  RouteFacts facts;
  facts.local = routeAddress("10.0.0.1:443");
  facts.peer = routeAddress("192.0.2.7:50000");
  facts.tls = true;
  facts.serverName = name;
  facts.alpn = std::move(alpn);
  return facts;
}

/// Why the first service loses against the second one.
std::string loss(RouteMatch first, RouteMatch second, const RouteFacts& facts = client()) {
  const RouteTable table({std::move(first), std::move(second)});
  const auto losses = explainRoute(table, facts).losses;
  return losses.empty() || losses.front().service != 0 ? "no loss" : losses.front().text;
}

std::string lossAlone(RouteMatch match, const RouteFacts& facts = client()) {
  return explainRoute(RouteTable({std::move(match)}), facts).losses.at(0).text;
}

TEST(RouteExplain, SaysWhatAServiceWantsAndWhatTheClientHas) {
  EXPECT_EQ(lossAlone({.names = {"*.example.net", "example.net"}}),
            "lost at the name: it wants *.example.net or example.net, the client asks for "
            "www.example.org");
  EXPECT_EQ(lossAlone({.names = {"a.example.org"}}, client("")),
            "lost at the name: it wants a.example.org, the client sends no name");
  EXPECT_EQ(lossAlone({.ports = {1, 2, 3, 4, 5, 6}}),
            "lost at the port: it wants 1, 2, 3, 4 or 2 more, the client connects to port 443");
  EXPECT_EQ(lossAlone({.addresses = {routeNetwork("fd00::/8")}}),
            "lost at the address: it wants fd00::/8, the client connects to 10.0.0.1");
  EXPECT_EQ(lossAlone({.transport = MatchTransport::kRaw}),
            "lost at the transport: it wants raw, the client begins with TLS");
  EXPECT_EQ(lossAlone({.alpn = {"postgresql"}}),
            "lost at the ALPN: it wants postgresql, the client offers h2 and http/1.1");
  EXPECT_EQ(lossAlone({.alpn = {"h2"}}, client("", {})),
            "lost at the ALPN: it wants h2, the client offers none");
  EXPECT_EQ(lossAlone({.sourceType = SourceType::kLocal}),
            "lost at the source type: it wants local, the client is on another host");
  EXPECT_EQ(lossAlone({.sources = {routeNetwork("10.0.0.0/8")}}),
            "lost at the source: it wants 10.0.0.0/8, the client comes from 192.0.2.7");
  EXPECT_EQ(lossAlone({.sourcePorts = {7}}),
            "lost at the source port: it wants 7, the client has port 50000");
}

TEST(RouteExplain, NamesUnixSockets) {
  RouteFacts facts = client();
  facts.local = facts.peer = SocketAddress::unixPath("/run/x");
  EXPECT_EQ(lossAlone({.ports = {443}}, facts),
            "lost at the port: it wants 443, the client connects to a UNIX socket");
  EXPECT_EQ(lossAlone({.sourceType = SourceType::kExternal}, facts),
            "lost at the source type: it wants external, the client is on this host");
  EXPECT_EQ(lossAlone({.sources = {routeNetwork("::/0")}}, facts),
            "lost at the source: it wants ::/0, the client comes from a UNIX socket");
}

TEST(RouteExplain, SaysWhatWasMoreSpecific) {
  EXPECT_EQ(loss({.names = {"*.example.org"}}, {.names = {"www.example.org"}}),
            "lost at the name: it wants *.example.org, another service wants www.example.org");
  EXPECT_EQ(loss({}, {.names = {"www.example.org"}}),
            "lost at the name: it takes any name, another service wants www.example.org");
  EXPECT_EQ(loss({.alpn = {"http/1.1"}}, {.alpn = {"h2"}}),
            "lost at the ALPN: it wants http/1.1, the client prefers h2, which another service "
            "wants");
  EXPECT_EQ(
      loss({.sources = {routeNetwork("192.0.0.0/16")}}, {.sources = {routeNetwork("192.0.2.7")}}),
      "lost at the source: it wants 192.0.0.0/16, another service wants 192.0.2.7");
  EXPECT_EQ(loss({.names = {"www.example.org"}}, {.names = {"www.example.org"}}), "no loss");
}

TEST(RouteExplain, SaysWhyTheFallbackWasTaken) {
  const RouteTable table({{.names = {"a"}}, {.fallback = true}});
  const auto taken = explainRoute(table, client());
  EXPECT_EQ(taken.choice, (RouteChoice{1, true, RouteStep::kName}));
  EXPECT_EQ(taken.text, "no service is left at the name, so the fallback takes the connection");
  ASSERT_EQ(taken.losses.size(), 1U);
  const auto other = explainRoute(table, client("a"));
  EXPECT_EQ(other.text, "its criteria match best");
  ASSERT_EQ(other.losses.size(), 1U);
  EXPECT_EQ(other.losses[0].step, std::nullopt);
  EXPECT_EQ(other.losses[0].text, "it takes only what no other service takes");
}

TEST(RouteExplain, SaysWhereTheWalkWasLost) {
  const RouteTable table({{.names = {"www.example.org"}, .alpn = {"postgresql"}}});
  const auto lost = explainRoute(table, client());
  EXPECT_EQ(lost.choice, (RouteChoice{-1, false, RouteStep::kAlpn}));
  EXPECT_EQ(lost.text, "no service is left at the ALPN");
}

TEST(RouteExplain, ReportsEqualServicesAndFallbacks) {
  const RouteTable table(
      {{.names = {"a"}}, {.names = {"a"}}, {.fallback = true}, {.fallback = true}});
  const auto losses = explainRoute(table, client("a")).losses;
  ASSERT_EQ(losses.size(), 3U);
  EXPECT_EQ(losses[0].text, "another service with the same criteria comes first");
  const auto fallen = explainRoute(table, client("b")).losses;
  ASSERT_EQ(fallen.size(), 3U);
  EXPECT_EQ(fallen[2].service, 3);
  EXPECT_EQ(fallen[2].text, "another fallback comes first");
}

TEST(RouteExplain, MakesBytesOfTheClientPrintable) {
  EXPECT_EQ(lossAlone({.alpn = {"h2"}}, client("", {std::string_view("\x1b[2J\0", 5)})),
            "lost at the ALPN: it wants h2, the client offers ?[2J?");
}

}  // namespace
}  // namespace culvert
