// SPDX-License-Identifier: GPL-3.0-or-later
// From verify-client, client-ca, crl and the allow keys to a PeerAuth: every option arrives, and
// what is wrong with a file is reported at the option that names it.
#include "certs/client_auth_builder.h"

#include <gtest/gtest.h>

#include "unit/certs/support/certs_test.h"

namespace culvert {
namespace {

class ClientAuthBuilderTest : public CertsTest {
 protected:
  void SetUp() override {
    if (!peerAuthPossible()) GTEST_SKIP() << "this wolfSSL cannot verify clients";
    dir_.write("root.pem", TestCa::shared().rootPem());
    options_.name = "web";
    options_.verifyClient = VerifyClient::kRequired;
    options_.clientCa.push_back(sourced(dir_ / "root.pem"));
  }
  std::shared_ptr<const PeerAuth> build(const std::shared_ptr<const PeerAuth>& before = nullptr) {
    said_ = Diagnostics();
    return buildPeerAuth(options_, before, said_);
  }
  std::vector<std::string> lines() const { return linesOf(said_); }

  ServiceOptions options_;
  Diagnostics said_;
};

TEST_F(ClientAuthBuilderTest, OffIsNothing) {
  options_.verifyClient = VerifyClient::kOff;
  options_.clientCa[0].text = dir_ / "none";
  EXPECT_EQ(build(), nullptr);
  EXPECT_TRUE(said_.empty()) << "the files are not looked at";
}

TEST_F(ClientAuthBuilderTest, EveryOptionArrives) {
  options_.verifyClient = VerifyClient::kOptional;
  options_.verifyDepth = 7;
  options_.crl.push_back(sourced("/x.crl"));
  options_.allowCn.push_back(sourced("cn"));
  options_.allowOu.push_back(sourced("ou"));
  options_.allowDns.push_back(sourced("a.example"));
  options_.allowUri.push_back(sourced("spiffe://x/*"));
  options_.allowIp.push_back(sourced("10.0.0.0/8"));
  options_.allowSpki.push_back(sourced("pin"));
  const PeerAuthSource source = peerAuthSource(options_);
  EXPECT_EQ(source.mode, VerifyClient::kOptional);
  EXPECT_EQ(source.depth, 7u);
  EXPECT_EQ(source.caFiles, std::vector<std::string>{dir_ / "root.pem"});
  EXPECT_EQ(source.crlFiles, std::vector<std::string>{"/x.crl"});
  const std::pair<PeerRule, std::string> rules[] = {
      {PeerRule::kCn, "cn"},         {PeerRule::kOu, "ou"},
      {PeerRule::kDns, "a.example"}, {PeerRule::kUri, "spiffe://x/*"},
      {PeerRule::kIp, "10.0.0.0/8"}, {PeerRule::kSpki, "pin"}};
  ASSERT_EQ(source.rules.size(), std::size(rules));
  for (const auto& [kind, text] : rules) {
    const auto found = std::find_if(source.rules.begin(), source.rules.end(),
                                    [kind = kind](const auto& rule) { return rule.kind == kind; });
    ASSERT_NE(found, source.rules.end()) << text;
    EXPECT_EQ(found->text, text);
  }
}

TEST_F(ClientAuthBuilderTest, TheFilesAreRead) {
  TestCa::shared().writeList(dir_, "list", -kTestDay, kTestDay);
  options_.crl.push_back(sourced(dir_ / "list"));
  const auto auth = build();
  ASSERT_NE(auth, nullptr);
  EXPECT_TRUE(said_.empty()) << lines().front();
  ASSERT_EQ(auth->anchors.size(), 1u);
  EXPECT_NE(auth->anchors[0].subject.find("Test Root"), std::string::npos);
  EXPECT_EQ(auth->lists.size(), 1u);
  EXPECT_TRUE(auth->checksRevocation);
}

TEST_F(ClientAuthBuilderTest, WhatHasNotChangedIsTheSameObject) {
  const auto before = build();
  EXPECT_EQ(build(before), before);
  dir_.write("root.pem", TestCa::shared().rootPem());
  EXPECT_EQ(build(before), before) << "written again with the same contents";
  options_.allowCn.push_back(sourced("alice"));
  const auto after = build(before);
  EXPECT_NE(after, before);
  EXPECT_NE(after, nullptr);
}

TEST_F(ClientAuthBuilderTest, AnErrorStandsAtTheFilesOwnLine) {
  dir_.write("other.pem", "nothing");
  options_.clientCa.push_back(sourced(dir_ / "other.pem"));
  const auto before = std::make_shared<const PeerAuth>();
  EXPECT_EQ(build(before), nullptr) << "the caller decides what stays";
  ASSERT_EQ(said_.errors(), 1u);
  EXPECT_TRUE(lines()[0].starts_with("f.ini:2: error: [service web] client-ca: ")) << lines()[0];
  EXPECT_NE(lines()[0].find(dir_ / "other.pem"), std::string::npos) << lines()[0];
  options_.clientCa.pop_back();
  options_.crl.push_back(sourced(dir_ / "none.crl"));
  EXPECT_EQ(build(before), nullptr);
  ASSERT_EQ(said_.errors(), 1u);
  EXPECT_TRUE(lines()[0].starts_with("f.ini:3: error: [service web] crl: ")) << lines()[0];
  EXPECT_NE(lines()[0].find(dir_ / "none.crl"), std::string::npos) << lines()[0];
}

TEST_F(ClientAuthBuilderTest, AnExpiredListIsAWarningAtTheFilesOwnLine) {
  TestCa::shared().writeList(dir_, "list", -2 * kTestDay, -kTestDay);
  options_.crl.push_back(sourced(dir_ / "list"));
  EXPECT_NE(build(), nullptr);
  ASSERT_EQ(said_.list().size(), 1u);
  EXPECT_TRUE(lines()[0].starts_with("f.ini:2: warning: [service web] crl: ")) << lines()[0];
}

TEST_F(ClientAuthBuilderTest, KeyPinsWithoutACaAreWorthANote) {
  options_.clientCa.clear();
  options_.allowSpki.push_back(sourced(std::string(64, 'a')));
  options_.origins["allow-spki"] = options_.allowSpki[0].origin;
  const auto auth = build();
  ASSERT_NE(auth, nullptr) << lines().front();
  EXPECT_TRUE(auth->pinsOnly);
  ASSERT_EQ(said_.list().size(), 1u);
  EXPECT_TRUE(lines()[0].starts_with("f.ini:2: note: [service web] allow-spki: without client-ca"))
      << lines()[0];
}

TEST_F(ClientAuthBuilderTest, StampsFollowTheFiles) {
  TestCa::shared().writeList(dir_, "list", -kTestDay, kTestDay);
  options_.crl.push_back(sourced(dir_ / "list"));
  const auto before = clientFileStamps(options_);
  ASSERT_EQ(before.size(), 2u);
  EXPECT_EQ(before, clientFileStamps(options_));
  EXPECT_TRUE(eventually([&] {  // until the kernel's clock has moved
    dir_.write("list", "x");
    return clientFileStamps(options_)[1] != before[1];
  }));
  EXPECT_EQ(clientFileStamps(options_)[0], before[0]);
  std::filesystem::remove(dir_ / "root.pem");
  EXPECT_FALSE(clientFileStamps(options_)[0].exists());
}

TEST(CheckPeerRule, KnowsTheFormOfEachKey) {
  EXPECT_TRUE(checkPeerRule("allow-cn", "alice"));
  EXPECT_TRUE(checkPeerRule("allow-dns", "host.example.org"));
  EXPECT_TRUE(checkPeerRule("allow-ip", "10.0.0.0/8"));
  EXPECT_FALSE(checkPeerRule("allow-ip", "10.0.0.0/33"));
  EXPECT_FALSE(checkPeerRule("allow-ip", "alice"));
  EXPECT_TRUE(checkPeerRule("allow-spki", std::string(64, 'a')));
  EXPECT_FALSE(checkPeerRule("allow-spki", "short"));
}

}  // namespace
}  // namespace culvert
