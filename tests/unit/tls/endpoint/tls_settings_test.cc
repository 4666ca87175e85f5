// SPDX-License-Identifier: GPL-3.0-or-later
// What is refused of a service's settings before a client comes, and what a key can serve.
#include "tls/endpoint/tls_settings.h"

#include "tls/library/tls_library.h"
#include "unit/tls/support/test_endpoint.h"
#include "unit/tls/support/tls_test.h"

namespace culvert {
namespace {

using TlsSettingsTest = TlsTest;

TEST_F(TlsSettingsTest, AnEmptyListMeansTheDefault) {
  TlsSettings settings;
  const auto ordered = [](auto suites) { return tlsCpuHasAes() ? suites : chachaFirst(suites); };
  EXPECT_EQ(settings.suites12(), ordered(defaultCipherList()));
  EXPECT_EQ(settings.suites13(), ordered(defaultCiphersuites()));
  EXPECT_EQ(settings.allGroups(), defaultGroups());
  settings.groups = {0x0017};
  EXPECT_EQ(settings.allGroups(), std::vector<uint16_t>{0x0017});
}

TEST_F(TlsSettingsTest, ASuiteNeedsItsKindOfKey) {
  const SuiteInfo* any = findSuite(0x1301);
  const SuiteInfo* ecdsa = findSuite(0xc02b);
  const SuiteInfo* rsa = findSuite(0xc02f);
  ASSERT_TRUE(any != nullptr && ecdsa != nullptr && rsa != nullptr);
  EXPECT_TRUE(suiteFitsKey(*any, KeyType::kRsa) && suiteFitsKey(*any, KeyType::kEd25519));
  EXPECT_TRUE(suiteFitsKey(*ecdsa, KeyType::kEcdsa));
  EXPECT_TRUE(suiteFitsKey(*ecdsa, KeyType::kEd25519)) << "RFC 8422 5.1.1";
  EXPECT_FALSE(suiteFitsKey(*ecdsa, KeyType::kRsa));
  EXPECT_TRUE(suiteFitsKey(*rsa, KeyType::kRsa));
  EXPECT_FALSE(suiteFitsKey(*rsa, KeyType::kEcdsa));
}

TEST_F(TlsSettingsTest, AreCheckedAsAWhole) {
  TestTls settings = testSettings({"rsa"});
  EXPECT_TRUE(checkTlsSettings(settings).has_value());
  settings.minVersion = kTls13;
  settings.maxVersion = kTls12;
  EXPECT_FALSE(checkTlsSettings(settings).has_value());
  settings.minVersion = kTls12;
  settings.ciphers = {0xc02b};
  auto checked = checkEndpoint(settings, settings.credentials);
  ASSERT_FALSE(checked.has_value());
  EXPECT_NE(checked.error().text.find("RSA-2048"), std::string::npos) << checked.error().text;
  settings.maxVersion = kTls13;
  EXPECT_TRUE(checkEndpoint(settings, settings.credentials).has_value());
  if (libraryHasGroup(0x11ec)) {
    settings.groups = {0x11ec};
    EXPECT_FALSE(checkTlsSettings(settings).has_value());
    settings.minVersion = kTls13;
    EXPECT_TRUE(checkTlsSettings(settings).has_value());
  }
}

}  // namespace
}  // namespace culvert
