// SPDX-License-Identifier: GPL-3.0-or-later
// Names and numbers of TLS, and the checks of the options written with them.
#include "tls/protocol/tls_names.h"

#include <gtest/gtest.h>

#include "tls/protocol/group_number.h"

namespace culvert {
namespace {

std::string errorOf(const Result<std::vector<uint16_t>>& result) {
  EXPECT_FALSE(result.has_value());
  return result.has_value() ? "" : result.error().text;
}

TEST(TlsNames, KnowsNumbers) {
  EXPECT_EQ(versionName(kTls13), "TLSv1.3");
  EXPECT_EQ(versionWords(kTls10), "TLS 1.0");
  EXPECT_EQ(suiteName(0xc02f), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
  EXPECT_EQ(suiteName(0x002f), "TLS_RSA_WITH_AES_128_CBC_SHA");
  EXPECT_EQ(suiteName(0xfefe), "0xfefe");
  EXPECT_EQ(groupName(0x11ec), "X25519MLKEM768");
  EXPECT_EQ(groupName(0x0017), "P-256");
  EXPECT_EQ(alertName(40), "handshake_failure");
  EXPECT_EQ(alertName(117), "alert_117");
  EXPECT_TRUE(isGrease(0x0a0a));
  EXPECT_TRUE(isGrease(0xfafa));
  EXPECT_FALSE(isGrease(0x0a1a));
  EXPECT_FALSE(isGrease(0x1301));
}

TEST(TlsNames, ChecksSuitesInBothSpellings) {
  EXPECT_EQ(*checkCipherList("ECDHE-RSA-AES128-GCM-SHA256:TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
            (std::vector<uint16_t>{0xc02f, 0xc030}));
  EXPECT_EQ(*checkCipherList("ecdhe-ecdsa-chacha20-poly1305, ECDHE-ECDSA-CHACHA20-POLY1305"),
            std::vector<uint16_t>{0xcca9});
  EXPECT_EQ(*checkCiphersuites("TLS_AES_256_GCM_SHA384"), std::vector<uint16_t>{0x1302});
  EXPECT_EQ(errorOf(checkCipherList("ECDHE-RSA-AES128-GCM-SHA265")),
            "unknown suite \"ECDHE-RSA-AES128-GCM-SHA265\" (did you mean "
            "\"ECDHE-RSA-AES128-GCM-SHA256\"); allowed: " +
                suiteList(defaultCipherList()) +
                ", and for old clients the CBC suites: ECDHE-RSA-AES128-SHA and its like");
  EXPECT_EQ(errorOf(checkCipherList("TLS_AES_128_GCM_SHA256")),
            "\"TLS_AES_128_GCM_SHA256\" is a suite of TLS 1.3 and belongs into \"ciphersuites\"");
  EXPECT_EQ(errorOf(checkCiphersuites("ECDHE-RSA-AES128-GCM-SHA256")),
            "\"ECDHE-RSA-AES128-GCM-SHA256\" is a suite of TLS 1.2 and belongs into \"ciphers\"");
  EXPECT_EQ(errorOf(checkCipherList(" : ")), "the list is empty");
}

TEST(TlsNames, SuitesThatAreNeverServedAreRefusedWithTheReason) {
  const std::pair<const char*, const char*> cases[] = {
      {"AES128-SHA", "\"AES128-SHA\" is not served: a key exchange by RSA has no forward secrecy"},
      {"TLS_RSA_WITH_AES_128_CBC_SHA", "a key exchange by RSA has no forward secrecy"},
      {"AES256-GCM-SHA384", "a key exchange by RSA has no forward secrecy"},
      {"DES-CBC3-SHA", "the blocks of 3DES are too small"},
      {"ECDHE-RSA-DES-CBC3-SHA", "the blocks of 3DES are too small"},
      {"RC4-SHA", "RC4 is broken"},
      {"ecdhe-ecdsa-rc4-sha", "RC4 is broken"},
      {"DHE-RSA-AES128-GCM-SHA256", "over elliptic curves only"},
      {"HIGH", "\"HIGH\" is from OpenSSL's cipher list language"},
      {"!aNULL", "is from OpenSSL's cipher list language"},
      {"ECDHE+AESGCM", "is from OpenSSL's cipher list language"},
      {"@STRENGTH", "is from OpenSSL's cipher list language"},
  };
  for (const auto& [name, words] : cases) {
    const std::string error = errorOf(checkCipherList(name));
    EXPECT_NE(error.find(words), std::string::npos) << error;
    EXPECT_NE(error.find("ECDHE-RSA-AES128-GCM-SHA256"), std::string::npos) << error;
  }
  EXPECT_NE(errorOf(checkCiphersuites("TLS_AES_128_CCM_SHA256")).find("small devices"),
            std::string::npos);
}

TEST(TlsNames, CbcSuitesAreServedOnRequestOnly) {
  const auto asked = checkCipherList(
      "ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256:"
      "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384");
  ASSERT_TRUE(asked.has_value());
  EXPECT_EQ(*asked, (std::vector<uint16_t>{0xc013, 0xc02f, 0xc024}));
  EXPECT_EQ(cbcSuites(*asked), (std::vector<uint16_t>{0xc013, 0xc024}));
  EXPECT_TRUE(cbcSuites(defaultCipherList()).empty());
  EXPECT_EQ(defaultCipherList().size(), 6u);
  for (uint16_t id : {0xc009, 0xc00a, 0xc013, 0xc014, 0xc023, 0xc024, 0xc027, 0xc028}) {
    const SuiteInfo* suite = findSuite(id);
    ASSERT_NE(suite, nullptr);
    EXPECT_EQ(suite->kind, SuiteKind::kCbc);
    EXPECT_EQ(*checkCipherList(suite->openssl), std::vector<uint16_t>{id});
  }
}

TEST(TlsNames, ChecksGroups) {
  EXPECT_EQ(*checkGroups("x25519:secp256r1, prime256v1 P-384"),
            (std::vector<uint16_t>{29, 23, 24}));
  EXPECT_EQ(*checkGroups("X25519MLKEM768"), std::vector<uint16_t>{0x11ec});
  EXPECT_NE(errorOf(checkGroups("X25591")).find("did you mean \"X25519\""), std::string::npos);
  EXPECT_NE(errorOf(checkGroups("ffdhe2048")).find("not supported"), std::string::npos);
  EXPECT_EQ(groupList(defaultGroups()), "X25519MLKEM768, X25519, P-256, P-384");
}

TEST(TlsNames, ChachaCanGoFirst) {
  EXPECT_EQ(chachaFirst({0x1301, 0x1302, 0x1303}), (std::vector<uint16_t>{0x1303, 0x1301, 0x1302}));
  EXPECT_EQ(chachaFirst({0xc02b, 0xcca9, 0xc02f, 0xcca8}),
            (std::vector<uint16_t>{0xcca9, 0xcca8, 0xc02b, 0xc02f}));
  EXPECT_EQ(chachaFirst({0x1302, 0x1301}), (std::vector<uint16_t>{0x1302, 0x1301}));
  EXPECT_TRUE(chachaFirst({}).empty());
}

TEST(TlsNames, GroupConstantsAreTheRegistrysNumbers) {
  EXPECT_EQ(Group::kP256, 0x0017);
  EXPECT_EQ(Group::kX25519, 0x001d);
  EXPECT_EQ(groupName(Group::kX25519Mlkem768), "X25519MLKEM768");
  EXPECT_EQ(groupName(Group::kP521), "P-521");
}

TEST(TlsNames, KeySharesHaveTheSizeOfTheirGroup) {
  EXPECT_EQ(keyShareSize(Group::kX25519), 32u);
  EXPECT_EQ(keyShareSize(Group::kP384), 97u);
  EXPECT_EQ(keyShareSize(Group::kX25519Mlkem768), 1216u);
  EXPECT_EQ(keyShareSize(0x0100), 0u) << "ffdhe2048, known by name only";
  EXPECT_EQ(keyShareSize(0x7a7a), 0u);
}

}  // namespace
}  // namespace culvert
