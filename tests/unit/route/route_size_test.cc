// SPDX-License-Identifier: GPL-3.0-or-later
// Prints what 10,000 services on one listen address cost: the time to compile them, their memory
// and the time of a choice. Also shows that a choice allocates nothing.
#include <gtest/gtest.h>
#include <malloc.h>

#include <ctime>
#include <string>
#include <vector>

#include "route/route_conflicts.h"
#include "route/route_table.h"
#include "route_judge.h"
#include "scarce_memory.h"

namespace culvert {
namespace {

#ifdef CULVERT_SANITIZED
constexpr size_t kServices = 1'000;
#else
constexpr size_t kServices = 10'000;
#endif
constexpr size_t kChoices = kServices * 20;

/// Processor time: other work on the machine does not count.
double since(std::clock_t begin) {
  return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

size_t bytesInUse() {
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

std::string hostName(size_t i) { return "host" + std::to_string(i) + ".zone.example.org"; }

std::vector<RouteMatch> servicesByName() {
  std::vector<RouteMatch> services(kServices);
  for (size_t i = 0; i < kServices; ++i)
    services[i].names = {hostName(i), "*.sub" + std::to_string(i) + ".example.org"};
  return services;
}

std::vector<RouteMatch> servicesByNameAndAlpn() {
  std::vector<RouteMatch> services(kServices);
  for (size_t i = 0; i < kServices; ++i) {
    services[i].names = {hostName(i / 2)};
    services[i].alpn = {i % 2 == 0 ? "h2" : "http/1.1"};
    services[i].sources = {routeNetwork("0.0.0.0/0"), routeNetwork("10.0.0.0/8")};
  }
  return services;
}

std::vector<RouteMatch> servicesBySource() {
  std::vector<RouteMatch> services(kServices);
  for (size_t i = 0; i < kServices; ++i) {
    const SocketAddress base = SocketAddress::ipv4(0x0a000000 + static_cast<uint32_t>(i) * 256, 1);
    services[i].sources = {Network::around(base, 24, 64), Network::around(base, 32, 128)};
  }
  return services;
}

std::vector<RouteFacts> clients(const std::vector<std::string>& names) {
  std::vector<RouteFacts> all;
  for (size_t i = 0; i < names.size(); ++i) {
    RouteFacts facts;
    facts.local = routeAddress("192.0.2.1:443");
    facts.peer = SocketAddress::ipv4(0x0a000000 + static_cast<uint32_t>(i) * 256 + 7, 50'000);
    facts.tls = true;
    facts.serverName = names[i];
    facts.alpn = {"h2", "http/1.1"};
    all.push_back(std::move(facts));
  }
  return all;
}

void measure(const char* title, std::vector<RouteMatch> services) {
  std::vector<std::string> names;
  for (size_t i = 0; i < kServices / 2; ++i)
    names.push_back(hostName((i * 7919) % (kServices / 2)));
  const auto facts = clients(names);
  const size_t before = bytesInUse();
  std::clock_t begin = std::clock();
  const RouteTable table(std::move(services));
  const double built = since(begin);
  const size_t held = bytesInUse() - before;

  begin = std::clock();
  size_t taken = 0;
  for (size_t i = 0; i < kChoices; ++i) taken += table.choose(facts[i % facts.size()]).service >= 0;
  const double chosen = since(begin);
  EXPECT_EQ(taken, kChoices);

  begin = std::clock();
  const size_t found = findConflicts(table).pairs.size() + findUnreachable(table, {}).size() +
                       findHoles(table, {}).holes.size();
  printf(
      "%-26s built in %.1f ms, %.1f KiB besides the criteria, %zu nodes, %.0f ns a choice, "
      "checked in %.1f ms (%zu findings)\n",
      title, built * 1e3, static_cast<double>(held) / 1024, table.nest().size(),
      chosen * 1e9 / kChoices, since(begin) * 1e3, found);
}

TEST(RouteSize, TenThousandServices) {
  measure("by name", servicesByName());
  measure("by name, ALPN and source", servicesByNameAndAlpn());
  measure("by source", servicesBySource());
}

TEST(RouteSize, AChoiceAllocatesNothing) {
  RouteUniverse universe;
  RouteRandom random(1);
  std::vector<RouteMatch> services(30);
  for (RouteMatch& match : services) {
    std::array<bool, kRouteSteps> steps;
    steps.fill(true);
    match = randomMatch(random, universe, steps, 20);
  }
  const RouteTable table(services);
  const std::vector<std::string> names = {"www.example.org", "a.b.example.org", "x", ""};
  auto all = clients(names);
  RouteFacts overUnix;
  overUnix.local = overUnix.peer = SocketAddress::unixPath("/run/x");
  all.push_back(overUnix);
  int sum = 0;
  {
    const ScarceMemory none(0);  // an allocation throws
    for (const RouteFacts& facts : all) {
      sum += table.choose(facts).service;
      sum += table.silent(facts).value_or(-1);
      sum += table.early(facts).value_or(RouteChoice{}).service;
    }
  }
  EXPECT_NE(sum, 0);
}

TEST(RouteSize, ManyValuesOfOneServiceAreNotMultiplied) {
  RouteMatch match;
  for (size_t i = 0; i < 1'000; ++i) {
    match.names.push_back(hostName(i));
    match.alpn.push_back("p" + std::to_string(i));
    match.sourcePorts.push_back(static_cast<uint16_t>(i + 1));
    match.sources.push_back(
        Network::around(SocketAddress::ipv4(static_cast<uint32_t>(i) << 8, 1), 24, 64));
  }
  const RouteTable table({match, {.names = match.names}});
  EXPECT_EQ(table.nest().size(), 4U);
  EXPECT_EQ(findUnreachable(table, {}).size(), 0U);
}

}  // namespace
}  // namespace culvert
