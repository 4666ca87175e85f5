// SPDX-License-Identifier: GPL-3.0-or-later
// The throw-away certificate: what it says, and that clients verify it.
#include "tls/credentials/self_signed.h"

#include "tls/library/wolfssl.h"
#include "unit/tls/support/memory_handshake.h"
#include "unit/tls/support/tls_test.h"

namespace culvert {
namespace {

class SelfSignedTest : public TlsTest {
 protected:
  void SetUp() override {
#if !defined(WOLFSSL_CERT_GEN) || !defined(WOLFSSL_ALT_NAMES)
    GTEST_SKIP() << "this wolfSSL makes no certificates";
#endif
  }
};

TEST_F(SelfSignedTest, NamesThisMachine) {
  auto made = makeSelfSigned();
  ASSERT_TRUE(made.has_value()) << made.error().text;
  const CertificateInfo& leaf = made->credentials->leaf();
  EXPECT_EQ(leaf.subject, "CN=localhost");
  EXPECT_EQ(leaf.dnsNames, std::vector<std::string>{"localhost"});
  EXPECT_EQ(leaf.addresses, (std::vector<std::string>{"127.0.0.1", "::1"}));
  EXPECT_EQ(leaf.keyText, "ECDSA P-256");
  EXPECT_EQ(leaf.fingerprint, made->fingerprint);
  EXPECT_TRUE(made->credentials->warnings().empty()) << made->credentials->warnings()[0];
  EXPECT_EQ(made->credentials->validity(std::time(nullptr)), Validity::kValid);
  EXPECT_NEAR(static_cast<double>(leaf.notAfter - std::time(nullptr)), 365 * 86400.0, 2 * 86400.0);
}

TEST_F(SelfSignedTest, IsVerifiedByOtherLibraries) {
  auto made = makeSelfSigned();
  ASSERT_TRUE(made.has_value()) << made.error().text;
  TempDir dir;
  const auto& der = made->credentials->chainDer().front();
  dir.write("cert.der", std::string(der.begin(), der.end()));
  runIn(dir, "openssl x509 -inform der -in cert.der -out cert.pem");
  runIn(dir, "openssl verify -CAfile cert.pem -verify_hostname localhost cert.pem");
  runIn(dir, "openssl verify -CAfile cert.pem -verify_ip 127.0.0.1 cert.pem");
  runIn(dir, "openssl verify -CAfile cert.pem -verify_ip ::1 cert.pem");
  runIn(dir, "test \"$(openssl x509 -in cert.pem -noout -fingerprint -sha256 | cut -d= -f2)\" = " +
                 made->fingerprint);
}

TEST_F(SelfSignedTest, EstablishesSessions) {
  auto made = makeSelfSigned();
  ASSERT_TRUE(made.has_value()) << made.error().text;
  TestTls settings;
  settings.credentials = CredentialSet({made->credentials});
  MemoryHandshake handshake({}, settings);
  EXPECT_TRUE(handshake.run()) << handshake.failure().detail;
}

TEST_F(SelfSignedTest, IsNeverTheSameTwice) {
  auto one = makeSelfSigned();
  auto two = makeSelfSigned();
  ASSERT_TRUE(one.has_value() && two.has_value());
  EXPECT_NE(one->fingerprint, two->fingerprint);
}

}  // namespace
}  // namespace culvert
