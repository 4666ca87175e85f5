// SPDX-License-Identifier: GPL-3.0-or-later
// From configuration to services: every option arrives, every mistake in a file is reported with
// its place, and what has not changed is carried over by a reload.
#include "server/service_builder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "config/config_source.h"
#include "temp_dir.h"
#include "tls/library/key_log.h"
#include "tls/library/tls_library.h"
#include "unit/tls/support/test_keys.h"
#include "unit/tls/support/tls_test.h"

namespace culvert {
namespace {

class ServiceBuilderTest : public TlsTest {
 protected:
  /// Loads the text as a file's contents, with the server's own checks, and builds it.
  Runtime build(const std::string& text, const Runtime* before = nullptr) {
    LoadOutcome loaded = ConfigSource("f.ini", {}).loadText(text, serverValidators());
    EXPECT_TRUE(loaded.ok()) << loaded.diagnostics.list().front().text();
    config_ = std::move(loaded.config);
    said_ = Diagnostics();
    return buildRuntime(config_, before, resolver_, said_);
  }
  static std::string files(const std::string& name) {
    return "cert = " + testKeys() / (name + ".pem") + "\nkey = " + testKeys() / (name + ".key") +
           "\n";
  }
  static std::string service(const std::string& name, const std::string& more) {
    return "[service " + name + "]\nlisten = 127.0.0.1:0\nbackend = 127.0.0.1:7\n" + more;
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> all;
    for (const Diagnostic& d : said_.list()) all.push_back(d.text());
    return all;
  }

  Resolver resolver_{{}};
  Config config_;
  Diagnostics said_;
};

TEST_F(ServiceBuilderTest, EveryOptionArrives) {
  const Runtime runtime = build(service(
      "web", files("ec") + "handshake-timeout = 1s\nconnect-timeout = 2s\nidle-timeout = 3s\n"
                           "stall-timeout = 4s\nhalf-close-timeout = 5s\non-truncation = fin\n"
                           "connect-retry = off\nfifo-size = 128k\nproxy-protocol = v2\n"
                           "alpn = h2, http/1.1\nmin-version = 1.3\nsession-tickets = off\n"
                           "record-size = 4k\ngroups = P-384:X25519\n"));
  EXPECT_TRUE(lines().empty()) << lines().front();
  ASSERT_EQ(runtime.services.size(), 1u);
  const Service& web = *runtime.services[0].service;
  EXPECT_EQ(web.profile->name, "web");
  EXPECT_EQ(web.profile->tunnel->handshakeTimeout, Millis(1000));
  EXPECT_EQ(web.profile->connect.connectTimeout, Millis(2000));
  EXPECT_EQ(web.profile->tunnel->idleTimeout, Millis(3000));
  EXPECT_EQ(web.profile->tunnel->stallTimeout, Millis(4000));
  EXPECT_EQ(web.profile->tunnel->halfCloseTimeout, Millis(5000));
  EXPECT_EQ(web.tls->settings->recordSize, 4096);
  EXPECT_EQ(web.tls->settings->groups, (std::vector<uint16_t>{0x0018, 0x001d}));
  EXPECT_TRUE(web.profile->tunnel->truncationAsFin);
  EXPECT_EQ(web.profile->tunnel->fifoSize, 128u * 1024);
  EXPECT_FALSE(web.profile->connect.retry);
  ASSERT_EQ(web.profile->connect.pool->targets().size(), 1u);
  EXPECT_EQ(web.profile->connect.pool->targets()[0].target->text(), "127.0.0.1:7");
  EXPECT_EQ(web.profile->proxy, ProxyVersion::kV2);
  EXPECT_EQ(web.tls->settings->service, "web");
  EXPECT_EQ(web.tls->settings->alpn, (std::vector<std::string>{"h2", "http/1.1"}));
  EXPECT_EQ(web.tls->settings->minVersion, kTls13);
  EXPECT_FALSE(web.tls->settings->sessionTickets);
  ASSERT_EQ(web.tls->credentials->size(), 1u);
}

TEST_F(ServiceBuilderTest, LimitsAndRulesArriveAndAreAppliedByTheCommit) {
  const Runtime runtime = build(
      service("web", files("ec") + "max-tunnels = 9\nmax-tunnels-per-source = 3\ntunnel-rate = 4\n"
                                   "handshake-rate = 50\nallow-from = 10.0.0.0/8, unix\n"
                                   "deny-from = 10.1.0.0/16\n"));
  const ServiceProfile& web = *runtime.services[0].service->profile;
  const TunnelLimitSettings wanted{.maxTunnels = 9, .maxTunnelsPerSource = 3, .tunnelRate = 4};
  EXPECT_EQ(web.limitSettings, wanted);
  EXPECT_TRUE(web.sources.allows(SocketAddress::ipv4(0x0a000001, 1)));
  EXPECT_FALSE(web.sources.allows(SocketAddress::ipv4(0x0a010001, 1)));
  EXPECT_FALSE(web.sources.allows(SocketAddress::ipv4(0x0b000001, 1)));
  EXPECT_TRUE(web.sources.allows(SocketAddress::unixPath("/x")));
  EXPECT_FALSE(web.handshakeRate->limited()) << "building applies nothing";
  web.commitLimits();
  EXPECT_EQ(web.handshakeRate->rate(), 50u);
}

TEST_F(ServiceBuilderTest, AReloadKeepsTheLimitsOfAServiceByItsName) {
  const Runtime before = build(service("web", files("ec") + "max-tunnels = 1\n"));
  before.services[0].service->profile->commitLimits();
  const Runtime now = build(
      service("web", files("ec") + "max-tunnels = 2\n") + service("mail", files("ec")), &before);
  const ServiceProfile& old = *before.services[0].service->profile;
  const ServiceProfile& web = *now.services[0].service->profile;
  EXPECT_EQ(web.limits, old.limits);
  EXPECT_EQ(web.handshakeRate, old.handshakeRate);
  EXPECT_NE(now.services[1].service->profile->limits, old.limits);
  const auto first = web.limits->enter(SocketAddress::ipv4(1, 1), TimePoint{});
  EXPECT_FALSE(web.limits->enter(SocketAddress::ipv4(1, 1), TimePoint{}).has_value())
      << "the old limit holds until the commit";
  web.commitLimits();
  EXPECT_TRUE(web.limits->enter(SocketAddress::ipv4(1, 1), TimePoint{}).has_value());
}

TEST_F(ServiceBuilderTest, ServicesStandInOrderAndAreFound) {
  const Runtime runtime =
      build(service("b", files("ec")) + "[service a]\nlisten = 127.0.0.1:0\nbackend = unix:/x\n" +
            files("rsa"));
  ASSERT_EQ(runtime.services.size(), 2u);
  EXPECT_EQ(runtime.services[0].service->profile->name, "b");
  ASSERT_NE(runtime.find("a"), nullptr);
  EXPECT_EQ(runtime.find("a")->name(), "a");
  EXPECT_EQ(runtime.find("c"), nullptr);
}

TEST_F(ServiceBuilderTest, OneFileMayHoldBoth) {
  build(service("web", "cert = " + testKeys() / "both.pem" + "\n"));
  EXPECT_FALSE(said_.hasErrors()) << lines().front();
}

TEST_F(ServiceBuilderTest, CertificatesAndKeysGoTogetherInOrder) {
  const Runtime runtime = build(service("web", files("ec") + files("rsa")));
  EXPECT_FALSE(said_.hasErrors()) << lines().front();
  EXPECT_EQ(runtime.services[0].service->tls->credentials->size(), 2u);
}

TEST_F(ServiceBuilderTest, EveryMistakeIsReportedWithItsPlace) {
  // Lines of a service: section, listen, backend, cert, key
  build(service("one", "cert = /no/such/file.pem\n") +
        "[service two]\nlisten = 127.0.0.1:0\nbackend = 127.0.0.1:7\ncert = " +
        testKeys() / "ec.pem" + "\nkey = " + testKeys() / "rsa.key" + "\n");
  ASSERT_EQ(said_.errors(), 2u) << lines().size();
  EXPECT_EQ(said_.list()[0].origin.text(), "f.ini:4");
  EXPECT_EQ(said_.list()[0].section, "service one");
  EXPECT_NE(said_.list()[0].what.find("/no/such/file.pem"), std::string::npos);
  EXPECT_EQ(said_.list()[1].origin.text(), "f.ini:9");
  EXPECT_EQ(said_.list()[1].section, "service two");
}

TEST_F(ServiceBuilderTest, AnExpiredCertificateIsAWarning) {
  build(service("web", files("old")));
  EXPECT_FALSE(said_.hasErrors());
  ASSERT_FALSE(said_.list().empty());
  EXPECT_EQ(said_.list()[0].severity, Severity::kWarning);
  EXPECT_NE(said_.list()[0].what.find("expired"), std::string::npos) << said_.list()[0].what;
}

TEST_F(ServiceBuilderTest, SettingsThatCannotWorkTogetherAreAnError) {
  build(service("web", files("ec") + "min-version = 1.3\nmax-version = 1.3\ngroups = P-521\n"));
  if (!libraryHasGroup(25)) {
    EXPECT_TRUE(said_.hasErrors()) << "no group that the library has";
  } else {
    EXPECT_FALSE(said_.hasErrors());
  }
}

// --- carrying over

TEST_F(ServiceBuilderTest, UnchangedTlsSettingsAreTheSameObject) {
  const std::string text = service("web", files("ec") + "alpn = h2\n");
  const Runtime before = build(text);
  const Runtime after = build(text + "idle-timeout = 5s\n", &before);
  EXPECT_EQ(after.services[0].service->tls, before.services[0].service->tls)
      << "contexts are kept by it";
  EXPECT_NE(after.services[0].service->profile, before.services[0].service->profile);
  EXPECT_EQ(after.services[0].service->profile->tunnel->idleTimeout, Millis(5000));
  EXPECT_EQ(before.services[0].service->profile->tunnel->idleTimeout, Millis(3'600'000))
      << "tunnels keep what they were born with";
}

TEST_F(ServiceBuilderTest, EveryTlsOptionMakesNewSettingsOfOldCredentials) {
  const std::string text = service("web", files("ec"));
  const Runtime before = build(text);
  for (const char* more :
       {"alpn = h2\n", "min-version = 1.3\n", "max-version = 1.2\n", "session-tickets = off\n",
        "ciphersuites = TLS_AES_256_GCM_SHA384\n", "groups = P-256\n", "strict-sni = on\n",
        "ciphers = ECDHE-ECDSA-AES256-GCM-SHA384\n"}) {
    const Runtime after = build(text + more, &before);
    EXPECT_FALSE(said_.hasErrors()) << more;
    EXPECT_NE(after.services[0].service->tls, before.services[0].service->tls) << more;
    EXPECT_EQ(after.services[0].service->tls->credentials->list()[0],
              before.services[0].service->tls->credentials->list()[0])
        << "an unchanged certificate is in memory once";
  }
}

TEST_F(ServiceBuilderTest, ARenewedCertificateIsTaken) {
  TempDir dir;
  const auto install = [&](const std::string& name) {
    dir.write("c.pem", testKeys().read(name + ".pem"));
    dir.write("c.key", testKeys().read(name + ".key"));
  };
  const std::string text =
      service("web", "cert = " + dir / "c.pem" + "\nkey = " + dir / "c.key" + "\n");
  install("ec");
  const Runtime before = build(text);
  install("p384");
  const Runtime after = build(text, &before);
  EXPECT_NE(after.services[0].service->tls, before.services[0].service->tls);
  EXPECT_NE((*after.services[0].service->tls->credentials)[0].contentHash(),
            (*before.services[0].service->tls->credentials)[0].contentHash());
}

TEST_F(ServiceBuilderTest, ARenamedServiceIsANewOne) {
  const Runtime before = build(service("web", files("ec")));
  const Runtime after = build(service("mail", files("ec")), &before);
  EXPECT_NE(after.services[0].service->tls, before.services[0].service->tls)
      << "tickets are bound to the service";
  EXPECT_EQ(after.services[0].service->tls->settings->service, "mail");
}

TEST_F(ServiceBuilderTest, AnOldRuntimeDoesNotLiveOnThroughTheNewOne) {
  std::weak_ptr<const TlsEndpoint> old;
  std::weak_ptr<const ServiceProfile> profile;
  Runtime now = build(service("web", files("ec")));
  old = now.services[0].service->tls;
  profile = now.services[0].service->profile;
  now = build(service("web", files("rsa")), &now);
  EXPECT_TRUE(old.expired());
  EXPECT_TRUE(profile.expired());
}

TEST_F(ServiceBuilderTest, ASelfSignedCertificateSurvivesAReload) {
  const auto buildSelfSigned = [&](const Runtime* before) {
    Overrides overrides;
    overrides.selfSigned = true;
    overrides.named = {{"--listen", "listen", "127.0.0.1:0"},
                       {"--backend", "backend", "127.0.0.1:7"}};
    LoadOutcome loaded = ConfigSource("", overrides).load(serverValidators());
    EXPECT_TRUE(loaded.ok()) << loaded.diagnostics.list().front().text();
    said_ = Diagnostics();
    return buildRuntime(loaded.config, before, resolver_, said_);
  };
  const Runtime before = buildSelfSigned(nullptr);
  ASSERT_FALSE(said_.hasErrors()) << lines().front();
  ASSERT_EQ(said_.list().size(), 1u);
  EXPECT_NE(said_.list()[0].what.find("SHA-256"), std::string::npos)
      << "its fingerprint, for whoever tests";
  const Runtime after = buildSelfSigned(&before);
  EXPECT_EQ(after.services[0].service->tls, before.services[0].service->tls);
  EXPECT_TRUE(said_.list().empty()) << "said once";
}

TEST_F(ServiceBuilderTest, TheOptionsOfSeveralBackendsReachThePool) {
  const Runtime runtime = build(service(
      "web", files("ec") +
                 "backend = 127.0.0.1:9 weight=7\nbalance = least\nbackend-max-tunnels = 20\n"
                 "eject-failures = 3\neject-time = 2s\nhealth-check = tcp\nhealth-rise = 4\n"));
  const BackendPool& pool = *runtime.services[0].service->profile->connect.pool;
  ASSERT_EQ(pool.targets().size(), 2u);
  EXPECT_EQ(pool.targets()[0].weight, 1u);
  EXPECT_EQ(pool.targets()[1].weight, 7u);
  EXPECT_EQ(pool.options().balance, Balance::kLeast);
  EXPECT_EQ(pool.options().maxTunnels, 20u);
  EXPECT_EQ(pool.options().ejection.failures, 3u);
  EXPECT_EQ(pool.options().ejection.time, Millis(2000));
  EXPECT_TRUE(pool.options().checked);
  EXPECT_EQ(pool.options().health.rise, 4u);
  EXPECT_EQ(pool.options().health.fall, 3u);
}

TEST_F(ServiceBuilderTest, BackendsShareTheirTargets) {
  const Runtime runtime =
      build(service("a", files("ec") + "backend = localhost:9\n") +
            "[service b]\nlisten = 127.0.0.1:0\nbackend = localhost:9\n" + files("rsa"));
  ASSERT_EQ(runtime.services[0].service->profile->connect.pool->targets().size(), 2u);
  EXPECT_EQ(runtime.services[0].service->profile->connect.pool->targets()[1].target,
            runtime.services[1].service->profile->connect.pool->targets()[0].target);
}

TEST(ServerValidators, KnowTheValuesOfLowerLayers) {
  const Validators v = serverValidators();
  EXPECT_TRUE(v.listenAddress("*:443"));
  EXPECT_FALSE(v.listenAddress("nonsense:port"));
  EXPECT_TRUE(v.backendAddress("db.example:5432"));
  EXPECT_FALSE(v.backendAddress("*:5432"));
  EXPECT_TRUE(v.ciphersuite("TLS_AES_128_GCM_SHA256"));
  EXPECT_FALSE(v.ciphersuite("TLS_AES_129_GCM_SHA256"));
  EXPECT_TRUE(v.group("X25519"));
  EXPECT_FALSE(v.group("X25520"));
  EXPECT_EQ(v.canonicalListen("443"), v.canonicalListen("*:443"));
}

TEST_F(ServiceBuilderTest, CbcSuitesAreServedWithAWarning) {
  const Runtime runtime =
      build(service("web", files("ec") + "ciphers = ECDHE-ECDSA-AES128-GCM-SHA256\n"
                                         "ciphers = ECDHE-ECDSA-AES128-SHA\n"));
  EXPECT_EQ(runtime.services[0].service->tls->settings->ciphers,
            (std::vector<uint16_t>{0xc02b, 0xc009}));
  ASSERT_EQ(lines().size(), 1u);
  EXPECT_TRUE(
      lines()[0].starts_with("f.ini:6: warning: [service web] ciphers: CBC suites are served "
                             "because ciphers names them: ECDHE-ECDSA-AES128-SHA;"))
      << lines()[0];
}

TEST_F(ServiceBuilderTest, AGroupThatIsNamedMustBeThere) {
  const auto said = [](const char* groups) {
    const LoadOutcome loaded =
        ConfigSource("f.ini", {})
            .loadText(service("web", files("ec") + "groups = " + groups + "\n"),
                      serverValidators());
    return loaded.ok() ? std::string() : loaded.diagnostics.list()[0].text();
  };
  for (uint16_t group : servedGroups()) {
    const std::string text = said(groupName(group).c_str());
    if (libraryHasGroup(group))
      EXPECT_EQ(text, "") << groupName(group);
    else
      EXPECT_NE(text.find("as it is built here has no " + groupName(group)), std::string::npos)
          << text;
  }
  EXPECT_TRUE(
      said("X448").starts_with("f.ini:6: error: [service web] groups: group \"X448\" is not "
                               "supported; allowed: "))
      << said("X448");
}

TEST_F(ServiceBuilderTest, AKeyLogGoesOnOverAReload) {
  const TempDir dir;
  const std::string text = service("web", files("ec") + "keylog-file = " + dir / "keys" + "\n");
  const LoadOutcome loaded = ConfigSource("f.ini", {}).loadText(text, serverValidators());
  if (const auto supported = KeyLog::supported(); !supported) {
    ASSERT_FALSE(loaded.ok());
    EXPECT_NE(loaded.diagnostics.list()[0].text().find(supported.error().text), std::string::npos);
    return;
  }
  const Runtime first = build(text);
  openKeyLogs(config_, first, said_);
  EXPECT_TRUE(lines().empty()) << lines()[0];
  EXPECT_TRUE(std::filesystem::exists(dir / "keys"));
  std::filesystem::remove(dir / "keys");
  const Runtime second = build(text, &first);
  EXPECT_EQ(second.services[0].service->tls->settings->keyLog,
            first.services[0].service->tls->settings->keyLog);
  openKeyLogs(config_, second, said_);
  EXPECT_FALSE(std::filesystem::exists(dir / "keys")) << "it is open";
  const Runtime nowhere =
      build(service("web", files("ec") + "keylog-file = " + dir / "none/keys" + "\n"), &first);
  openKeyLogs(config_, nowhere, said_);
  ASSERT_EQ(said_.errors(), 1u);
  EXPECT_TRUE(lines()[0].starts_with("f.ini:6: error: [service web] keylog-file: cannot write "));
}

}  // namespace
}  // namespace culvert
