// SPDX-License-Identifier: GPL-3.0-or-later
// Random services and connections: RouteTable and explainRoute() agree with the judge of
// route_judge.h. CULVERT_ROUTE_SETS is the number of sets of services (default 20000).
#include <gtest/gtest.h>

#include <cstdlib>

#include "route/route_explain.h"
#include "route/route_table.h"
#include "route_judge.h"

namespace culvert {
namespace {

size_t setsToTry() {
  const char* text = std::getenv("CULVERT_ROUTE_SETS");
#ifdef CULVERT_SANITIZED
  return text != nullptr ? std::stoul(text) : 2'000;
#else
  return text != nullptr ? std::stoul(text) : 20'000;
#endif
}

constexpr size_t kConnections = 5;
constexpr std::array<bool, kRouteSteps> kAllSteps = {true, true, true, true,
                                                     true, true, true, true};

std::vector<RouteMatch> randomServices(RouteRandom& random, const RouteUniverse& universe) {
  const size_t percent = 10 + below(random, 60);
  std::vector<RouteMatch> services(below(random, 10));
  for (RouteMatch& match : services) {
    match = randomMatch(random, universe, kAllSteps, percent);
    match.fallback = below(random, 12) == 0;
  }
  return services;
}

SocketAddress randomAddress(RouteRandom& random, const RouteUniverse& universe,
                            const std::vector<uint16_t>& ports) {
  if (below(random, 12) == 0) return SocketAddress::unixPath("/run/socket");
  if (below(random, 30) == 0) return {};
  SocketAddress address = routeAddress(
      std::string(universe.addressTexts[below(random, universe.addressTexts.size())]) + ":1");
  address.setPort(ports[below(random, ports.size())]);
  return address;
}

void clearHello(RouteFacts& facts) {
  facts.tls = false;
  facts.serverName = "";
  facts.alpn.clear();
}

void setRandomHello(RouteRandom& random, const RouteUniverse& universe, RouteFacts& facts) {
  clearHello(facts);
  facts.tls = below(random, 4) != 0;
  if (!facts.tls) return;
  facts.serverName = universe.clientNames[below(random, universe.clientNames.size())];
  for (size_t count = below(random, 4); count > 0; --count)
    facts.alpn.push_back(below(random, 4) == 0
                             ? std::string_view("x-other")
                             : universe.alpn[below(random, universe.alpn.size())]);
}

RouteFacts randomFacts(RouteRandom& random, const RouteUniverse& universe) {
  RouteFacts facts;
  facts.local = randomAddress(random, universe, universe.localPorts);
  facts.peer = randomAddress(random, universe, universe.clientPorts);
  setRandomHello(random, universe, facts);
  return facts;
}

RouteChoice choiceOf(const Verdict& verdict) {
  if (verdict.service >= 0 && !verdict.fallback) return {verdict.service, false, RouteStep::kPort};
  return {verdict.service, verdict.fallback, verdict.lostAt.value_or(RouteStep::kPort)};
}

void checkExplanation(const RouteTable& table, const RouteFacts& facts, const Verdict& verdict) {
  const RouteExplanation explanation = explainRoute(table, facts);
  ASSERT_EQ(explanation.choice, choiceOf(verdict));
  ASSERT_EQ(explanation.losses.size() + (verdict.service < 0 ? 0 : 1), table.services().size());
  for (const RouteLoss& loss : explanation.losses) {
    ASSERT_NE(loss.service, verdict.service);
    ASSERT_EQ(loss.step, verdict.losses[static_cast<size_t>(loss.service)]) << loss.text;
    ASSERT_FALSE(loss.text.empty());
  }
}

/// What the addresses decide must hold for each hello.
void checkEarlyAndSilent(RouteRandom& random, const RouteUniverse& universe,
                         const RouteTable& table, RouteFacts facts) {
  const auto early = table.early(facts);
  const auto silent = table.silent(facts);
  ASSERT_EQ(early.has_value(), !judge(table.services(), facts).needsBytes);
  for (int i = 0; i < 3 && early; ++i) {
    setRandomHello(random, universe, facts);
    ASSERT_EQ(table.choose(facts), *early);
  }
  clearHello(facts);
  ASSERT_EQ(silent.value_or(-1), judge(table.services(), facts).service);
}

void checkNeeds(const RouteTable& table) {
  RouteNeeds needs;
  for (const RouteMatch& match : table.services()) {
    if (match.fallback) continue;
    needs.hello = needs.hello || !match.names.empty() || !match.alpn.empty();
    needs.bytes = needs.bytes || needs.hello || match.transport != MatchTransport::kAny;
  }
  ASSERT_EQ(table.needs(), needs);
}

void checkSet(uint64_t seed, const RouteUniverse& universe, std::array<size_t, 3>& outcomes) {
  RouteRandom random(seed);
  const RouteTable table(randomServices(random, universe));
  checkNeeds(table);
  for (size_t i = 0; i < kConnections; ++i) {
    const RouteFacts facts = randomFacts(random, universe);
    const Verdict verdict = judge(table.services(), facts);
    ASSERT_EQ(table.choose(facts), choiceOf(verdict));
    ++outcomes[verdict.service < 0 ? 0 : verdict.fallback ? 1 : 2];
    checkExplanation(table, facts, verdict);
    checkEarlyAndSilent(random, universe, table, facts);
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(RouteProperty, TheTableAgreesWithTheJudge) {
  const RouteUniverse universe;
  std::array<size_t, 3> outcomes{};
  const size_t sets = setsToTry();
  for (uint64_t seed = 0; seed < sets; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    checkSet(seed, universe, outcomes);
    if (HasFailure()) return;
  }
  printf("%zu sets: %zu connections lost, %zu to a fallback, %zu to a service\n", sets, outcomes[0],
         outcomes[1], outcomes[2]);
  for (const size_t count : outcomes) EXPECT_GT(count, sets / 20) << "each outcome is tried";
}

}  // namespace
}  // namespace culvert
