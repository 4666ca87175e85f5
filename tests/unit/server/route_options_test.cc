// SPDX-License-Identifier: GPL-3.0-or-later
// The match options as a RouteMatch, and what is reported about services that share an address.
#include "server/route_options.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

SourcedList list(std::initializer_list<const char*> texts) {
  SourcedList all;
  uint32_t line = 10;
  for (const char* text : texts) all.push_back({text, Origin::file("c.ini", line++)});
  return all;
}

ServiceOptions service(std::string name, const char* listen = "127.0.0.1:443") {
  ServiceOptions made;
  made.name = std::move(name);
  made.sectionOrigin = Origin::file("c.ini", 1);
  made.listen = list({listen});
  return made;
}

std::vector<std::string> report(std::vector<ServiceOptions> services) {
  Config config;
  config.services = std::move(services);
  Diagnostics diagnostics;
  checkRoutes(config, diagnostics);
  std::vector<std::string> texts;
  for (const Diagnostic& one : diagnostics.list()) texts.push_back(one.text());
  return texts;
}

TEST(RouteOptions, CarryEveryCriterion) {
  ServiceOptions options = service("a");
  EXPECT_FALSE(isSelective(options));
  options.matchName = list({"WWW.Example.org", "*.example.net"});
  options.matchAlpn = list({"h2"});
  options.matchSource = list({"10.0.0.0/8", "unix"});
  options.matchSourcePort = list({"53"});
  options.matchAddress = list({"::1"});
  options.matchPort = list({"443", "8443"});
  options.matchSourceType = SourceType::kLocal;
  const RouteMatch match = routeMatch(options);
  EXPECT_EQ(match.names, (std::vector<std::string>{"www.example.org", "*.example.net"}));
  EXPECT_EQ(match.alpn, std::vector<std::string>{"h2"});
  ASSERT_EQ(match.sources.size(), 2u);
  EXPECT_TRUE(match.sources[1].unixSockets);
  EXPECT_EQ(match.sourcePorts, std::vector<uint16_t>{53});
  EXPECT_EQ(match.addresses.size(), 1u);
  EXPECT_EQ(match.ports, (std::vector<uint16_t>{443, 8443}));
  EXPECT_EQ(match.sourceType, SourceType::kLocal);
  EXPECT_FALSE(match.fallback);
  EXPECT_TRUE(isSelective(options));
}

TEST(RouteOptions, WhatAServiceCarriesFollowsFromTls) {
  ServiceOptions options = service("a");
  EXPECT_EQ(routeMatch(options).carries, MatchTransport::kTls);
  options.tls = ClientTls::kPassthrough;
  EXPECT_EQ(routeMatch(options).carries, MatchTransport::kTls);
  options.tls = ClientTls::kOff;
  EXPECT_EQ(routeMatch(options).carries, MatchTransport::kRaw);
  EXPECT_EQ(routeMatch(options).transport, MatchTransport::kAny);
}

TEST(RouteOptions, ServicesThatAreAloneAreNotJudged) {
  EXPECT_TRUE(report({service("a"), service("b", "127.0.0.1:444")}).empty());
}

TEST(RouteOptions, EqualMatchesNameBothPlaces) {
  ServiceOptions a = service("a"), b = service("b");
  a.matchName = list({"a.org"});
  b.matchName = list({"b.org", "A.org"});
  a.origins["match-name"] = Origin::file("c.ini", 3);
  b.origins["match-name"] = Origin::file("d.ini", 7);
  const auto texts = report({a, b});
  ASSERT_EQ(texts.size(), 1u);
  EXPECT_EQ(texts[0].rfind("d.ini:7: error: [service b] listen: cannot be told apart from [service "
                           "a], at c.ini:3: on 127.0.0.1:443 both take ",
                           0),
            0u)
      << texts[0];
}

TEST(RouteOptions, GapsAreNotesAndAFallbackFillsThem) {
  ServiceOptions a = service("a"), rest = service("rest");
  a.matchName = list({"a.org"});
  a.matchAlpn = list({"h2"});
  const auto texts = report({a});
  ASSERT_FALSE(texts.empty());
  for (const std::string& text : texts) EXPECT_NE(text.find(": note: "), std::string::npos) << text;
  rest.fallback = true;
  EXPECT_TRUE(report({a, rest}).empty());
}

TEST(RouteOptions, AServiceThatCanNeverBeChosen) {
  ServiceOptions raw = service("raw"), other = service("other");
  raw.tls = ClientTls::kOff;
  raw.matchTransport = MatchTransport::kRaw;
  raw.matchAlpn = list({"h2"});
  other.fallback = true;
  const auto texts = report({raw, other});
  ASSERT_EQ(texts.size(), 1u);
  EXPECT_NE(texts[0].find("warning: [service raw] listen: is never chosen on 127.0.0.1:443"),
            std::string::npos)
      << texts[0];
}

}  // namespace
}  // namespace culvert
