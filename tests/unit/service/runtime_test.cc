// SPDX-License-Identifier: GPL-3.0-or-later
// Services by their names, and which of them judge their clients by something else than before.
#include "service/runtime.h"

#include <gtest/gtest.h>

#include <string>

namespace culvert {
namespace {

using Auth = std::shared_ptr<const PeerAuth>;

RuntimeService serviceOf(const std::string& name, Auth auth) {
  auto settings = std::make_shared<TlsSettings>();
  settings->peerAuth = std::move(auth);
  auto profile = std::make_shared<ServiceProfile>();
  profile->name = name;
  auto service = std::make_shared<Service>();
  service->profile = std::move(profile);
  service->tls = std::make_shared<const TlsEndpoint>(
      TlsEndpoint{std::move(settings), std::make_shared<const CredentialSet>(), nullptr});
  return {std::move(service), {}, {}};
}

Auth newAuth() { return std::make_shared<const PeerAuth>(); }

std::vector<std::string> changedNames(const Runtime& before, const Runtime& now) {
  std::vector<std::string> names;
  for (const auto& service : changedTrust(before, now)) names.push_back(service->profile->name);
  return names;
}

TEST(Runtime, FindsServicesByTheirWholeName) {
  const Runtime runtime{{serviceOf("web", nullptr), serviceOf("mail", nullptr)}};
  ASSERT_NE(runtime.find("mail"), nullptr);
  EXPECT_EQ(runtime.find("mail"), &runtime.services[1]);
  EXPECT_EQ(runtime.find("web"), &runtime.services[0]);
  EXPECT_EQ(runtime.find("we"), nullptr);
  EXPECT_EQ(runtime.find("Web"), nullptr);
  EXPECT_EQ(runtime.find(""), nullptr);
  EXPECT_EQ(Runtime().find("web"), nullptr);
}

TEST(ChangedTrust, TheSameObjectIsNoChange) {
  const Auth auth = newAuth();
  const Runtime before{{serviceOf("web", auth)}};
  const Runtime now{{serviceOf("web", auth)}};
  EXPECT_TRUE(changedTrust(before, now).empty());
}

TEST(ChangedTrust, NamesThoseWithOthersInTheOrderOfNow) {
  const Auth kept = newAuth();
  const Runtime before{
      {serviceOf("a", newAuth()), serviceOf("b", kept), serviceOf("c", newAuth())}};
  const Runtime now{{serviceOf("c", newAuth()), serviceOf("b", kept), serviceOf("a", newAuth())}};
  EXPECT_EQ(changedNames(before, now), (std::vector<std::string>{"c", "a"}));
}

TEST(ChangedTrust, GivesTheServiceOfNow) {
  const Runtime before{{serviceOf("web", newAuth())}};
  const Runtime now{{serviceOf("web", newAuth())}};
  const auto changed = changedTrust(before, now);
  ASSERT_EQ(changed.size(), 1u);
  EXPECT_EQ(changed[0], now.services[0].service);
}

TEST(ChangedTrust, WhoBeginsToAskHasLetInEverybodyBefore) {
  const Runtime before{{serviceOf("web", nullptr)}};
  const Runtime now{{serviceOf("web", newAuth())}};
  EXPECT_EQ(changedNames(before, now), std::vector<std::string>{"web"});
}

TEST(ChangedTrust, WhoAsksNoMoreHasNothingToJudge) {
  const Runtime before{{serviceOf("web", newAuth())}};
  EXPECT_TRUE(changedTrust(before, {{serviceOf("web", nullptr)}}).empty());
}

TEST(ChangedTrust, AServiceThatIsNewOrGoneHasNoTunnelsToJudge) {
  const Runtime before{{serviceOf("old", newAuth())}};
  const Runtime now{{serviceOf("new", newAuth())}};
  EXPECT_TRUE(changedTrust(before, now).empty());
}

}  // namespace
}  // namespace culvert
