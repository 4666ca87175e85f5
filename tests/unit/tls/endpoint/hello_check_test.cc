// SPDX-License-Identifier: GPL-3.0-or-later
// What is decided from a hello alone: version, refusals with alert and sentence, and the
// certificate.
#include "tls/endpoint/hello_check.h"

#include "tls/hello/hello_gatherer.h"
#include "tls/protocol/alert_number.h"
#include "unit/tls/support/hello_builder.h"
#include "unit/tls/support/test_endpoint.h"
#include "unit/tls/support/tls_test.h"

namespace culvert {
namespace {

class HelloCheckTest : public TlsTest {
 protected:
  HelloVerdict judge(const HelloBuilder& builder, const TestTls& settings) {
    bytes_ = builder.message();
    HelloResult result = parseClientHelloMessage(bytes_, hello_);
    EXPECT_EQ(result.status, HelloStatus::kComplete) << result.reason;
    return judgeHello(hello_, settings, settings.credentials);
  }
  std::string reason(const HelloBuilder& builder, const TestTls& settings, uint8_t alert) {
    HelloVerdict verdict = judge(builder, settings);
    EXPECT_FALSE(verdict);
    EXPECT_EQ(verdict.alert, alert) << verdict.reason;
    return verdict.reason;
  }
  Bytes bytes_;
  ClientHello hello_;
};

TEST_F(HelloCheckTest, ChoosesTheVersion) {
  TestTls settings = testSettings();
  EXPECT_EQ(judge(HelloBuilder::modern(), settings).version, kTls13);
  EXPECT_EQ(judge(HelloBuilder::tls12(), settings).version, kTls12);
  settings.maxVersion = kTls12;
  EXPECT_EQ(judge(HelloBuilder::modern(), settings).version, kTls12);
}

TEST_F(HelloCheckTest, SaysWhyAVersionIsRefused) {
  TestTls settings = testSettings();
  HelloBuilder old = HelloBuilder::tls12();
  old.legacyVersion = kTls10;
  EXPECT_EQ(reason(old, settings, Alert::protocol_version),
            "client offers TLS 1.0 only, service requires TLS 1.2");
  old.legacyVersion = kTls11;
  EXPECT_EQ(reason(old, settings, Alert::protocol_version),
            "client offers at most TLS 1.1, service requires TLS 1.2");
  for (uint16_t version : {0x0300, 0x0002}) {
    for (HelloBuilder ssl : {HelloBuilder::tls12(), HelloBuilder::modern()}) {
      ssl.legacyVersion = version;
      EXPECT_EQ(reason(ssl, settings, Alert::protocol_version),
                "client offers SSL 3.0 or older, service requires TLS 1.2");
    }
  }
  HelloBuilder only = HelloBuilder::modern();
  only.set(43, vector8(numbers({kTls11})));
  EXPECT_EQ(reason(only, settings, Alert::protocol_version),
            "client offers TLS 1.1 only, service requires TLS 1.2");
  only.set(43, vector8(numbers({0x7f1c})));
  EXPECT_EQ(reason(only, settings, Alert::protocol_version), "client offers no known TLS version");
}

TEST_F(HelloCheckTest, LegacyVersionCountsOnlyWithoutTheExtension) {
  const TestTls settings = testSettings();
  for (uint16_t version : {0x0301, 0x0302, 0x0304, 0x7f7f}) {
    HelloBuilder hello = HelloBuilder::modern();
    hello.legacyVersion = version;
    EXPECT_EQ(judge(hello, settings).version, kTls13) << version;
    hello.set(43, vector8(numbers({kTls12})));
    EXPECT_EQ(judge(hello, settings).version, kTls12) << version;
  }
  HelloBuilder without = HelloBuilder::tls12();
  without.legacyVersion = 0x0304;
  EXPECT_EQ(judge(without, settings).version, kTls12);
}

TEST_F(HelloCheckTest, PointFormatsMeanNothingInTls13) {
  HelloBuilder hello = HelloBuilder::modern();
  hello.set(11, {1, 1});
  TestTls settings = testSettings();
  EXPECT_EQ(judge(hello, settings).version, kTls13);
  settings.maxVersion = kTls12;
  EXPECT_EQ(reason(hello, settings, Alert::illegal_parameter),
            "ec_point_formats lacks the uncompressed format");
}

TEST_F(HelloCheckTest, Tls12WantsSignatureAlgorithms) {
  HelloBuilder hello = HelloBuilder::tls12();
  hello.remove(13);
  EXPECT_EQ(reason(hello, testSettings(), Alert::handshake_failure),
            "a TLS 1.2 hello lacks signature_algorithms");
}

TEST_F(HelloCheckTest, RefusesANeedlessFallback) {
  HelloBuilder hello = HelloBuilder::tls12();
  hello.suites = hello.suites + numbers({0x5600});
  TestTls settings = testSettings();
  EXPECT_EQ(reason(hello, settings, Alert::inappropriate_fallback),
            "client falls back to TLS 1.2 although both sides speak more");
  settings.maxVersion = kTls12;
  EXPECT_TRUE(judge(hello, settings));
  HelloBuilder best = HelloBuilder::modern();
  best.suites = best.suites + numbers({0x5600});
  EXPECT_TRUE(judge(best, testSettings()));
}

TEST_F(HelloCheckTest, DemandsTheExtensionsOfTls13) {
  TestTls settings = testSettings();
  for (uint16_t type : {10, 13, 51}) {
    HelloBuilder hello = HelloBuilder::modern();
    reason(hello.remove(type), settings, Alert::missing_extension);
  }
  HelloBuilder psk = HelloBuilder::modern();
  psk.remove(45);
  psk.add(41, vector16(vector16(Bytes(8, 1)) + Bytes(4, 0)) + vector16(vector8(Bytes(32, 2))));
  reason(psk, settings, Alert::missing_extension);
  HelloBuilder compressed = HelloBuilder::modern();
  compressed.compression = {1, 0};
  reason(compressed, settings, Alert::illegal_parameter);
  compressed.set(43, vector8(numbers({kTls12})));
  EXPECT_TRUE(judge(compressed, settings)) << "TLS 1.2 allows the offer";
}

TEST_F(HelloCheckTest, FindsThatNothingIsInCommon) {
  TestTls settings = testSettings({"rsa"});
  HelloBuilder hello = HelloBuilder::modern();
  hello.set(13, vector16(numbers({0x0403})));
  EXPECT_EQ(reason(hello, settings, Alert::handshake_failure),
            "client verifies no signature of the service's certificate (RSA-2048)");
  hello = HelloBuilder::modern();
  hello.suites = numbers({0x0a0a, 0x1304, 0x00ff});
  EXPECT_EQ(reason(hello, settings, Alert::handshake_failure),
            "no cipher suite in common for TLS 1.3: client offers TLS_AES_128_CCM_SHA256");
  hello = HelloBuilder::tls12();
  hello.suites = numbers({0x002f, 0x0035, 0x003c, 0x003d, 0x009c, 0x009d, 0xc013, 0xc014});
  EXPECT_EQ(reason(hello, settings, Alert::handshake_failure),
            "no cipher suite in common for TLS 1.2: client offers TLS_RSA_WITH_AES_128_CBC_SHA, "
            "TLS_RSA_WITH_AES_256_CBC_SHA, TLS_RSA_WITH_AES_128_CBC_SHA256, "
            "TLS_RSA_WITH_AES_256_CBC_SHA256, "
            "TLS_RSA_WITH_AES_128_GCM_SHA256, TLS_RSA_WITH_AES_256_GCM_SHA384 and 2 more");
  hello = HelloBuilder::tls12();
  hello.set(10, vector16(numbers({0x11ec, 0x001e})));
  hello.suites = numbers({0xc02f});
  EXPECT_EQ(reason(hello, settings, Alert::handshake_failure),
            "no key exchange group in common: client offers X25519MLKEM768, X448, service offers "
            "X25519MLKEM768, X25519, "
            "P-256, P-384");
}

TEST_F(HelloCheckTest, NamesTheProtocolsThatAreNotInCommon) {
  TestTls settings = testSettings();
  settings.alpn = {"h2", "http/1.1"};
  HelloBuilder hello = HelloBuilder::modern();
  hello.set(16, HelloBuilder::alpn({"imap", "a b\n", std::string(40, 'x')}));
  EXPECT_EQ(reason(hello, settings, Alert::no_application_protocol),
            "no ALPN protocol in common: client offers imap, a?b?, " + std::string(32, 'x') +
                "..., service offers h2, http/1.1");
}

TEST_F(HelloCheckTest, SelectsTheCertificateByNameThenByKey) {
  // 0 rsa and 1 ec are for www.example.org, 2 is for leaf.example.org.
  TestTls settings = testSettings({"rsa", "ec", "leaf"});
  auto selected = [&](const std::string& name, std::initializer_list<uint16_t> algorithms,
                      uint16_t version) {
    HelloBuilder hello = HelloBuilder::modern();
    hello.set(0, HelloBuilder::serverName(name.empty() ? "x" : name));
    if (name.empty()) hello.remove(0);
    hello.set(13, vector16(numbers(algorithms)));
    judge(hello, settings);
    return settings.credentials.select(hello_, settings, version);
  };
  EXPECT_EQ(selected("www.example.org", {0x0804, 0x0403}, kTls13), 1u);
  EXPECT_EQ(selected("WWW.example.org", {0x0804}, kTls13), 0u);
  EXPECT_EQ(selected("a.wild.example.org", {0x0804, 0x0403}, kTls13), 1u);
  EXPECT_EQ(selected("leaf.example.org", {0x0804, 0x0403}, kTls13), 2u);
  EXPECT_EQ(selected("", {0x0804, 0x0403}, kTls13), 1u)
      << "the first certificate's name, ECDSA first";
  EXPECT_EQ(selected("nobody.example.net", {0x0804}, kTls13), 0u);
  EXPECT_EQ(selected("www.example.org", {0x0401}, kTls12), 0u);
  HelloBuilder x25519 = HelloBuilder::tls12();
  x25519.set(10, vector16(numbers({0x001d})));
  judge(x25519, settings);
  EXPECT_EQ(settings.credentials.select(hello_, settings, kTls12), 0u)
      << "before TLS 1.3 the groups limit the certificate's curve";
  EXPECT_EQ(selected("www.example.org", {0x0503}, kTls13), 1u)
      << "P-384 only in 1.3: nobody fits, the name decides";
}

TEST_F(HelloCheckTest, RefusesAnUnknownNameWhereNamesAreStrict) {
  TestTls settings = testSettings({"rsa", "ec"});
  const auto hello = [](const std::string& name) {
    HelloBuilder builder = HelloBuilder::modern();
    if (name.empty()) return builder.remove(0);
    builder.set(0, HelloBuilder::serverName(name));
    return builder;
  };
  EXPECT_TRUE(judge(hello("nobody.example.net"), settings));
  EXPECT_TRUE(judge(hello(""), settings));
  settings.strictSni = true;
  for (const char* known : {"www.example.org", "a.wild.example.org", "127.0.0.1"})
    EXPECT_TRUE(judge(hello(known), settings)) << known;
  EXPECT_EQ(reason(hello(""), settings, Alert::unrecognized_name),
            "client sent no server name, and strict-sni is on");
  for (const char* unknown :
       {"nobody.example.net", "a.b.wild.example.org", "wild.example.org", "example.org", "org"}) {
    EXPECT_EQ(reason(hello(unknown), settings, Alert::unrecognized_name),
              "no certificate has the server name that the client requests, and strict-sni is on")
        << unknown;
  }
}

TEST_F(HelloCheckTest, ChoosesAmongThoseThatTheSuitesOfTheServiceFit) {
  TestTls settings = testSettings({"ec", "rsa"});
  settings.ciphers = {0xc02f};  // for RSA keys only
  EXPECT_EQ(judge(HelloBuilder::tls12(), settings).credential, 1u);
  EXPECT_EQ(judge(HelloBuilder::modern(), settings).credential, 0u);
}

}  // namespace
}  // namespace culvert
