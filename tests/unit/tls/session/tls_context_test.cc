// SPDX-License-Identifier: GPL-3.0-or-later
// Contexts in real handshakes in memory: versions, suites, groups, ALPN, certificates by signature
// algorithm and name, tickets, and what is said about failures.
#include "tls/session/tls_context.h"

#include "tls/protocol/alert_number.h"
#include "unit/tls/support/memory_handshake.h"
#include "unit/tls/support/tls_test.h"

namespace culvert {
namespace {

using TlsContextTest = TlsTest;

TEST_F(TlsContextTest, EstablishesTls13WithThePreferredParameters) {
  MemoryHandshake handshake({}, testSettings());
  ASSERT_TRUE(handshake.run()) << handshake.failure().detail;
  EXPECT_TRUE(handshake.exchange());
  TlsFacts facts = handshake.facts();
  EXPECT_EQ(facts.version, "TLSv1.3");
  EXPECT_EQ(facts.suite, "TLS_AES_128_GCM_SHA256");
  EXPECT_FALSE(facts.resumed);
  EXPECT_EQ(facts.alpn, "");
  EXPECT_EQ(handshake.hello.serverName, "www.example.org");
}

TEST_F(TlsContextTest, SessionsHoldClientCasForTheirHandshakeOnly) {
  const TestTls settings = testSettings();
  auto auth = std::make_shared<const PeerAuth>();
  const std::weak_ptr<const PeerAuth> alive = auth;
  auto made = TlsContext::create(settings, *settings.credentials.list()[0], nullptr, memoryRecv,
                                 memorySend, false, std::make_shared<PeerVerifier>(auth));
  ASSERT_TRUE(made) << made.error().text;
  auth.reset();
  TlsIoContext io;
  std::optional<TlsContext> context(std::move(*made));
  const auto session = context->newSession(ClientHello{}, io);
  ASSERT_TRUE(session) << session.error().text;
  context.reset();
  EXPECT_FALSE(alive.expired()) << "it has not verified anybody yet";
  io.proof->handshakeDone();
  EXPECT_TRUE(alive.expired());
  EXPECT_EQ(io.proof->mode(), VerifyClient::kRequired);
}

TEST_F(TlsContextTest, NegotiatesEveryGroupInBothVersions) {
  for (uint16_t group : {0x11ec, 0x001d, 0x0017, 0x0018, 0x0019, 0x11eb, 0x11ed}) {
    if (!libraryHasGroup(group)) continue;
    for (uint16_t version : {kTls12, kTls13}) {
      if (version == kTls12 && group > 0x1000) continue;
      ClientOptions client;
      client.minVersion = client.maxVersion = version;
      client.groups = {group};
      // Before TLS 1.3 the list also limits the curve of the certificate's key.
      if (version == kTls12 && group != 0x0017) client.groups.push_back(0x0017);
      TestTls settings = testSettings();
      settings.groups = {0x11ec, 0x001d, 0x0017, 0x0018, 0x0019, 0x11eb, 0x11ed};
      MemoryHandshake handshake(client, settings);
      ASSERT_TRUE(handshake.run())
          << groupName(group) << versionName(version) << handshake.failure().detail;
      EXPECT_TRUE(handshake.exchange());
      // The certificate's curve comes before the larger ones in our order.
      bool larger = version == kTls12 && (group == 0x0018 || group == 0x0019);
      EXPECT_EQ(handshake.facts().group, larger ? "P-256" : groupName(group))
          << versionName(version);
    }
  }
}

TEST_F(TlsContextTest, PrefersOurGroupOrderInTls12Too) {
  ClientOptions client;
  client.minVersion = client.maxVersion = kTls12;
  client.groups = {0x0019, 0x0018, 0x0017, 0x001d};
  const std::vector<uint16_t> orders[] = {
      {0x001d, 0x0017}, {0x0017, 0x001d}, {0x0018, 0x001d}, {0x0019, 0x0018}, {0x11ec, 0x0018}};
  for (std::vector<uint16_t> groups : orders) {
    TestTls settings = testSettings();
    settings.groups = groups;
    MemoryHandshake handshake(client, settings);
    ASSERT_TRUE(handshake.run()) << handshake.failure().detail;
    EXPECT_TRUE(handshake.exchange());
    EXPECT_EQ(handshake.facts().group, groupName(isHybridGroup(groups[0]) ? groups[1] : groups[0]));
  }
}

TEST_F(TlsContextTest, ServesCbcSuitesThatWereAskedFor) {
  for (const auto& [key, suites] :
       {std::pair<const char*, std::vector<uint16_t>>{"ec", {0xc009, 0xc00a, 0xc023, 0xc024}},
        {"rsa", {0xc013, 0xc014, 0xc027, 0xc028}}}) {
    for (uint16_t suite : suites) {
      ClientOptions client;
      client.minVersion = client.maxVersion = kTls12;
      client.suites = findSuite(suite)->openssl;
      TestTls settings = testSettings({key});
      MemoryHandshake refused(client, settings);
      EXPECT_FALSE(refused.run()) << client.suites;
      EXPECT_EQ(refused.failure().text(), "tls-sent:handshake_failure");
      settings.ciphers = {suite};
      MemoryHandshake handshake(client, settings);
      ASSERT_TRUE(handshake.run()) << client.suites << ": " << handshake.failure().detail;
      EXPECT_TRUE(handshake.exchange());
      EXPECT_EQ(handshake.facts().suite, findSuite(suite)->iana);
    }
  }
}

TEST_F(TlsContextTest, PrefersOurGroupOrder) {
  ClientOptions client;
  client.groups = {0x0018, 0x0017, 0x001d};
  client.shares = {0x0018, 0x0017, 0x001d};
  MemoryHandshake handshake(client, testSettings());
  ASSERT_TRUE(handshake.run());
  EXPECT_EQ(handshake.facts().group, "X25519");
  // Without a share for a group in common, a retry asks for one.
  client.shares = {0x0018};
  TestTls settings = testSettings();
  settings.groups = {0x001d, 0x0017};
  MemoryHandshake retried(client, settings);
  ASSERT_TRUE(retried.run()) << retried.failure().detail;
  EXPECT_EQ(retried.facts().group, "X25519");
}

TEST_F(TlsContextTest, HoldsTheVersionLimits) {
  struct Case {
    uint16_t clientMin, clientMax, serverMin, serverMax;
    const char* version;  // nullptr: refused
    const char* reason;
  };
  const Case cases[] = {
      {kTls12, kTls13, kTls12, kTls12, "TLSv1.2", ""},
      {kTls12, kTls13, kTls13, kTls13, "TLSv1.3", ""},
      {kTls12, kTls12, kTls12, kTls13, "TLSv1.2", ""},
      {kTls13, kTls13, kTls12, kTls13, "TLSv1.3", ""},
      {kTls12, kTls12, kTls13, kTls13, nullptr,
       "client offers at most TLS 1.2, service requires TLS 1.3"},
      {kTls13, kTls13, kTls12, kTls12, nullptr,
       "client offers TLS 1.3 but no version that the service allows (TLS 1.2)"},
  };
  for (const Case& one : cases) {
    ClientOptions client;
    client.minVersion = one.clientMin;
    client.maxVersion = one.clientMax;
    TestTls settings = testSettings();
    settings.minVersion = one.serverMin;
    settings.maxVersion = one.serverMax;
    MemoryHandshake handshake(client, settings);
    EXPECT_EQ(handshake.run(), one.version != nullptr);
    if (one.version != nullptr) {
      EXPECT_EQ(handshake.facts().version, one.version);
      EXPECT_TRUE(handshake.exchange());
    } else {
      EXPECT_EQ(handshake.failure().text(), "tls-sent:protocol_version");
      EXPECT_EQ(handshake.failure().detail, one.reason);
      EXPECT_EQ(handshake.clientGotAlert(), uint8_t{Alert::protocol_version});
    }
  }
}

TEST_F(TlsContextTest, ServesEverySuite) {
  for (const char* key : {"ec", "rsa"}) {
    for (uint16_t version : {kTls12, kTls13}) {
      for (uint16_t id : version == kTls12 ? defaultCipherList() : defaultCiphersuites()) {
        const SuiteInfo* suite = findSuite(id);
        if (suite->auth == SuiteAuth::kEcdsa && key[0] == 'r') continue;
        if (suite->auth == SuiteAuth::kRsa && key[0] == 'e') continue;
        ClientOptions client;
        client.minVersion = client.maxVersion = version;
        client.suites = suite->iana;
        MemoryHandshake handshake(client, testSettings({key}));
        ASSERT_TRUE(handshake.run()) << suite->iana << " " << handshake.failure().detail;
        EXPECT_TRUE(handshake.exchange());
        EXPECT_EQ(handshake.facts().suite, suite->iana);
      }
    }
  }
}

TEST_F(TlsContextTest, PutsAes128FirstUnlessTheClientPutsChachaFirst) {
  ClientOptions client;
  client.suites = "TLS13-AES256-GCM-SHA384:TLS13-CHACHA20-POLY1305-SHA256:TLS13-AES128-GCM-SHA256";
  MemoryHandshake ours(client, testSettings());
  ASSERT_TRUE(ours.run());
  EXPECT_EQ(ours.facts().suite, "TLS_AES_128_GCM_SHA256");
  client.suites = "TLS13-CHACHA20-POLY1305-SHA256:TLS13-AES128-GCM-SHA256";
  MemoryHandshake theirs(client, testSettings());
  ASSERT_TRUE(theirs.run());
  EXPECT_EQ(theirs.facts().suite, "TLS_CHACHA20_POLY1305_SHA256");
  client.minVersion = client.maxVersion = kTls12;
  client.suites = "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256";
  MemoryHandshake older(client, testSettings());
  ASSERT_TRUE(older.run());
  EXPECT_EQ(older.facts().suite, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256");
  // A list in the configuration is an order.
  TestTls settings = testSettings();
  settings.ciphersuites = *checkCiphersuites("TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256");
  MemoryHandshake configured({}, settings);
  ASSERT_TRUE(configured.run());
  EXPECT_EQ(configured.facts().suite, "TLS_AES_256_GCM_SHA384");
}

TEST_F(TlsContextTest, ExplainsThatNoSuiteIsInCommon) {
  ClientOptions client;
  client.minVersion = client.maxVersion = kTls12;
  client.suites = "ECDHE-RSA-AES128-GCM-SHA256";
  MemoryHandshake handshake(client, testSettings({"ec"}));
  EXPECT_FALSE(handshake.run());
  EXPECT_EQ(handshake.failure().text(), "tls-sent:handshake_failure");
  EXPECT_EQ(
      handshake.failure().detail,
      "no cipher suite in common for TLS 1.2: client offers TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
  EXPECT_EQ(handshake.clientGotAlert(), uint8_t{Alert::handshake_failure});
}

TEST_F(TlsContextTest, ExplainsThatNoGroupIsInCommon) {
  ClientOptions client;
  client.groups = {0x0018};
  TestTls settings = testSettings();
  settings.groups = {0x001d};
  MemoryHandshake handshake(client, settings);
  EXPECT_FALSE(handshake.run());
  EXPECT_EQ(handshake.failure().detail,
            "no key exchange group in common: client offers P-384, service offers X25519");
}

TEST_F(TlsContextTest, ChoosesAlpnInOurOrderAndRefusesWithoutOverlap) {
  for (uint16_t version : {kTls12, kTls13}) {
    ClientOptions client;
    client.minVersion = client.maxVersion = version;
    client.alpn = "http/1.1,h2";
    TestTls settings = testSettings();
    settings.alpn = {"h2", "http/1.1"};
    MemoryHandshake handshake(client, settings);
    ASSERT_TRUE(handshake.run());
    EXPECT_EQ(handshake.facts().alpn, "h2");
    client.alpn = "imap";
    MemoryHandshake refused(client, settings);
    EXPECT_FALSE(refused.run());
    EXPECT_EQ(refused.failure().text(), "tls-sent:no_application_protocol");
    EXPECT_EQ(refused.clientGotAlert(), uint8_t{Alert::no_application_protocol});
    client.alpn = "";
    MemoryHandshake silent(client, settings);
    ASSERT_TRUE(silent.run());
    EXPECT_EQ(silent.facts().alpn, "");
    // A service without ALPN ignores what is offered.
    client.alpn = "h2";
    settings.alpn.clear();
    MemoryHandshake ignored(client, settings);
    EXPECT_TRUE(ignored.run()) << ignored.failure().detail;
    EXPECT_EQ(ignored.facts().alpn, "");
  }
}

TEST_F(TlsContextTest, ChoosesTheCertificateByWhatTheClientVerifies) {
  TestTls both = testSettings({"rsa", "ec"});
  MemoryHandshake modern({}, both);
  ASSERT_TRUE(modern.run());
  EXPECT_EQ(modern.credential, 1u) << "ECDSA first where the client takes both";
  ClientOptions old;
  old.minVersion = old.maxVersion = kTls12;
  old.suites = "ECDHE-RSA-AES128-GCM-SHA256";
  MemoryHandshake rsa(old, both);
  ASSERT_TRUE(rsa.run()) << rsa.failure().detail;
  EXPECT_EQ(rsa.credential, 0u);
  EXPECT_EQ(rsa.facts().suite, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
}

TEST_F(TlsContextTest, ServesAnEd25519CertificateAndP384) {
  MemoryHandshake p384({}, testSettings({"p384"}));
  EXPECT_TRUE(p384.run()) << p384.failure().detail;
  MemoryHandshake leaf({}, testSettings({"leaf"}));
  EXPECT_TRUE(leaf.run()) << leaf.failure().detail;
  auto ed = Credentials::loadFiles({testKeys() / "ed.pem", testKeys() / "ed.key", {}});
  ASSERT_TRUE(ed.has_value()) << ed.error().text();
  MemoryHandshake eddsa({}, testSettings({"ed"}));
  EXPECT_TRUE(eddsa.run()) << eddsa.failure().detail;
}

TEST_F(TlsContextTest, ReportsTheAlertThatTheClientSent) {
  ClientOptions client;
  MemoryHandshake handshake(client, testSettings());
  wolfSSL_set_verify(handshake.client(), WOLFSSL_VERIFY_PEER, nullptr);  // and no CA is loaded
  EXPECT_FALSE(handshake.run());
  EXPECT_EQ(handshake.failure().text(), "tls-received:unknown_ca") << handshake.failure().detail;
  EXPECT_EQ(handshake.failure().detail, "client does not trust our certificate (alert unknown_ca)");
}

TEST_F(TlsContextTest, LivesAsLongAsItsSessions) {
  TestTls settings = testSettings();
  auto context =
      TlsContext::create(settings, settings.credentials[0], nullptr, memoryRecv, memorySend);
  ASSERT_TRUE(context.has_value()) << context.error().text;
  ClientHello hello;
  TlsIoContext io;
  auto one = context->newSession(hello, io);
  auto two = context->newSession(hello, io);
  ASSERT_TRUE(one.has_value() && two.has_value());
  EXPECT_EQ(context->sessions(), 2u);
  one->reset();
  EXPECT_EQ(context->sessions(), 1u);
  TlsContext moved = std::move(*context);
  EXPECT_EQ(moved.sessions(), 1u);
  moved = *TlsContext::create(settings, settings.credentials[0], nullptr, memoryRecv, memorySend);
  TlsSession last = std::move(*two);  // its context was dropped above
  EXPECT_TRUE(last);
}

}  // namespace
}  // namespace culvert
