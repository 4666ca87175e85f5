// SPDX-License-Identifier: GPL-3.0-or-later
// One refresh over all services: what has changed by itself is replaced, everything else is the
// same object as before.
#include "certs/certificate_refresh.h"

#include <gtest/gtest.h>

#include "unit/certs/support/certs_test.h"

namespace culvert {
namespace {

class CertificateRefreshTest : public CertsTest {
 protected:
  CertificateRefresh refresh(const Runtime& before) {
    said_ = Diagnostics();
    return refreshCertificates(config_, before, said_);
  }
  /// Until no further look is asked for; `refused` of all looks.
  CertificateRefresh settled(const Runtime& before) {
    CertificateRefresh all;
    all.runtime = before;
    EXPECT_TRUE(eventually([&] {
      CertificateRefresh now = refresh(all.runtime);
      now.refused += all.refused;
      now.clientsTaken += all.clientsTaken;
      now.changed = now.changed || all.changed;
      all = std::move(now);
      return !all.lookAgain;
    }));
    return all;
  }
  const std::shared_ptr<const PeerAuth>& authOf(const Runtime& runtime, size_t i = 0) const {
    return runtime.services[i].service->tls->settings->peerAuth;
  }
  /// A service that asks clients for certificates of ca.pem.
  ServiceOptions verifying(const std::string& name) {
    ServiceOptions options = service({"a"}, name);
    options.verifyClient = VerifyClient::kRequired;
    options.clientCa.push_back(sourced(dir_ / "ca.pem"));
    return options;
  }

  Config config_;
  Diagnostics said_;
};

TEST_F(CertificateRefreshTest, WithoutAChangeEverythingIsTheSame) {
  issue("a");
  issue("b");
  ASSERT_TRUE(settle("b"));
  config_.services = {service({"a"}, "one"), service({"b"}, "two")};
  const Runtime before = started(config_);
  const CertificateRefresh now = refresh(before);
  EXPECT_FALSE(now.changed);
  EXPECT_FALSE(now.lookAgain);
  for (size_t i = 0; i < 2; ++i)
    EXPECT_EQ(now.runtime.services[i].service, before.services[i].service);
  EXPECT_TRUE(said_.empty());
}

TEST_F(CertificateRefreshTest, ARenewedCertificateReplacesItsServiceAlone) {
  issue("a");
  issue("b");
  config_.services = {service({"a"}, "one"), service({"b"}, "two")};
  const Runtime before = started(config_);
  before.services[1].service->tls->asked->note("www.example.org", std::time(nullptr));
  issue("b");
  const CertificateRefresh now = settled(before);
  EXPECT_TRUE(now.changed);
  EXPECT_EQ(now.clientsTaken, 0u);
  EXPECT_EQ(now.runtime.services[0].service, before.services[0].service);
  const Service& old = *before.services[1].service;
  const Service& renewed = *now.runtime.services[1].service;
  EXPECT_NE(renewed.tls->credentials, old.tls->credentials);
  EXPECT_NE(renewed.tls->credentials->list()[0], old.tls->credentials->list()[0]);
  EXPECT_EQ(renewed.profile, old.profile);
  EXPECT_EQ(renewed.tls->settings, old.tls->settings) << "contexts of other certificates stay";
  EXPECT_EQ(renewed.tls->asked, old.tls->asked) << "what clients use stays known";
}

TEST_F(CertificateRefreshTest, ARefusedOneChangesNothing) {
  issue("a");
  config_.services = {service({"a"})};
  const Runtime before = started(config_);
  dir_.write("a.pem", "no certificate");
  const CertificateRefresh now = settled(before);
  EXPECT_FALSE(now.changed);
  EXPECT_EQ(now.refused, 1u);
  EXPECT_EQ(now.runtime.services[0].service, before.services[0].service);
}

TEST_F(CertificateRefreshTest, ASelfSignedServiceIsLeftAlone) {
  ServiceOptions options = service({});
  options.selfSigned = true;
  config_.services = {options};
  Runtime before = started(config_);
  EXPECT_FALSE(refresh(before).changed);
}

// --- files for client certificates

TEST_F(CertificateRefreshTest, OtherClientCasAreTakenByAllTheirServices) {
  if (!peerAuthPossible()) GTEST_SKIP() << "this wolfSSL cannot verify clients";
  issue("a");
  dir_.write("ca.pem", TestCa::shared().rootPem());
  config_.services = {verifying("one"), verifying("two"), service({"a"}, "open")};
  ASSERT_TRUE(settle("a"));
  const Runtime before = started(config_);
  TestCa::shared().makeAnchor(dir_, "ca", 100 * kTestDay);
  const CertificateRefresh soon = refresh(before);
  EXPECT_TRUE(soon.lookAgain) << "it was written just now";
  EXPECT_FALSE(soon.changed);
  const CertificateRefresh now = settled(before);
  EXPECT_EQ(now.clientsTaken, 2u);
  EXPECT_EQ(now.refused, 0u);
  EXPECT_NE(authOf(now.runtime, 0), authOf(before, 0));
  EXPECT_NE(authOf(now.runtime, 1), authOf(before, 1));
  EXPECT_EQ(now.runtime.services[2].service, before.services[2].service);
  EXPECT_EQ(now.runtime.services[0].service->tls->credentials,
            before.services[0].service->tls->credentials);
  EXPECT_FALSE(refresh(now.runtime).changed);
}

TEST_F(CertificateRefreshTest, ClientFilesThatCannotBeUsedAreRefusedOnce) {
  if (!peerAuthPossible()) GTEST_SKIP() << "this wolfSSL cannot verify clients";
  issue("a");
  dir_.write("ca.pem", TestCa::shared().rootPem());
  config_.services = {verifying("one")};
  ASSERT_TRUE(settle("a"));
  const Runtime before = started(config_);
  dir_.write("ca.pem", "no CA");
  const CertificateRefresh now = settled(before);
  EXPECT_EQ(now.refused, 1u);
  EXPECT_EQ(now.clientsTaken, 0u);
  EXPECT_EQ(now.runtime.services[0].service, before.services[0].service);
  ASSERT_EQ(said_.list().size(), 2u);
  EXPECT_TRUE(linesOf(said_)[0].starts_with("f.ini:3: error: [service one] client-ca: "));
  EXPECT_TRUE(linesOf(said_)[1].ends_with("changed files are not loaded; what is in use stays"));
  EXPECT_EQ(refresh(now.runtime).refused, 0u);
  EXPECT_TRUE(said_.empty()) << "the same file is not told again";
  dir_.write("ca.pem", TestCa::shared().rootPem());
  const CertificateRefresh back = settled(now.runtime);
  EXPECT_EQ(back.refused, 0u);
  EXPECT_FALSE(back.changed) << "the CAs are those in use";
}

TEST_F(CertificateRefreshTest, AnotherRevocationListIsTaken) {
  if (!peerAuthPossible()) GTEST_SKIP() << "this wolfSSL cannot verify clients";
  issue("a");
  dir_.write("ca.pem", TestCa::shared().rootPem());
  TestCa::shared().writeList(dir_, "list", -kTestDay, kTestDay);
  ServiceOptions options = verifying("one");
  options.crl.push_back(sourced(dir_ / "list"));
  config_.services = {options};
  ASSERT_TRUE(settle("a"));
  const Runtime before = started(config_);
  ASSERT_EQ(authOf(before)->lists.size(), 1u);
  TestCa::shared().writeList(dir_, "list", -3600, 2 * kTestDay);
  const CertificateRefresh now = settled(before);
  EXPECT_EQ(now.clientsTaken, 1u);
  ASSERT_EQ(authOf(now.runtime)->lists.size(), 1u);
  EXPECT_GT(authOf(now.runtime)->lists[0].nextUpdate, authOf(before)->lists[0].nextUpdate);
}

}  // namespace
}  // namespace culvert
