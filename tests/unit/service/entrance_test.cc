// SPDX-License-Identifier: GPL-3.0-or-later
// When a listening socket needs a table of routes, and when its service is known at accept.
#include "service/entrance.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace culvert {
namespace {

std::shared_ptr<Service> service(std::string name) {
  auto profile = std::make_shared<ServiceProfile>();
  profile->name = std::move(name);
  profile->limits = std::make_shared<TunnelLimits>(TunnelLimits::Scope::kService);
  auto made = std::make_shared<Service>();
  made->profile = std::move(profile);
  return made;
}

TEST(Entrance, AServiceAloneIsKnownAtAccept) {
  const auto alone = service("a");
  const auto entrance = makeEntrance({alone});
  EXPECT_TRUE(entrance->immediate());
  EXPECT_EQ(entrance->routes, nullptr);
  EXPECT_EQ(entrance->limits(), alone->profile->limits.get());
}

TEST(Entrance, MatchOptionsNeedATable) {
  const auto alone = service("a");
  alone->selective = true;
  alone->match.names = {"a.org"};
  const auto entrance = makeEntrance({alone});
  EXPECT_FALSE(entrance->immediate());
  ASSERT_NE(entrance->routes, nullptr);
  EXPECT_EQ(entrance->limits(), nullptr) << "the client may get no service";
}

TEST(Entrance, SeveralServicesNeedATable) {
  const auto a = service("a"), b = service("b");
  a->match.names = {"a.org"};
  b->match.fallback = true;
  const auto entrance = makeEntrance({a, b});
  ASSERT_NE(entrance->routes, nullptr);
  RouteFacts facts;
  facts.tls = true;
  facts.serverName = "a.org";
  EXPECT_EQ(entrance->routes->choose(facts).service, 0);
  facts.serverName = "b.org";
  EXPECT_EQ(entrance->routes->choose(facts).service, 1);
}

TEST(Entrance, AProxyHeaderComesFirst) {
  const auto alone = service("a");
  alone->listen.acceptProxy = AcceptProxy::kOptional;
  EXPECT_FALSE(makeEntrance({alone})->immediate());
  EXPECT_EQ(makeEntrance({alone})->routes, nullptr);
}

}  // namespace
}  // namespace culvert
