// SPDX-License-Identifier: GPL-3.0-or-later
// Environment, --set and named options: their names, their strength, and the origins in their
// messages.
#include "config/overrides.h"

#include <gtest/gtest.h>

#include "load_helper.h"

namespace culvert {
namespace {

using namespace testing_config;
using Lines = std::vector<std::string>;

Overrides environment(std::vector<std::string> variables) {
  Overrides overrides;
  overrides.environment = std::move(variables);
  return overrides;
}

Overrides sets(std::vector<std::string> texts) {
  Overrides overrides;
  overrides.sets = std::move(texts);
  return overrides;
}

TEST(Overrides, EachSourceIsStrongerThanTheOneBefore) {
  const std::string text =
      "[global]\nworkers = 1\nlog-level = err\nlog = stdout\nlog-format = json\n"
      "[service main]\nlisten = 1\nlisten = 2\nbackend = 3\ncert = c\nidle-timeout = "
      "1s\nstall-timeout = 1s\n";
  Overrides overrides;
  overrides.environment = {"CULVERT_GLOBAL_WORKERS=2",       "CULVERT_GLOBAL_LOG_LEVEL=crit",
                           "CULVERT_GLOBAL_LOG=syslog",      "CULVERT_TUNNEL_LISTEN=4,5",
                           "CULVERT_TUNNEL_IDLE_TIMEOUT=2s", "PATH=/bin"};
  overrides.sets = {"global.workers=3", "global.log-level=alert", "service:main.listen=6",
                    "service:main.listen=7", "service:main.idle-timeout=3s"};
  overrides.named = {{"--log-level", "log-level", "debug"},
                     {"--listen", "listen", "8"},
                     {"--listen", "listen", "9,10"}};
  const LoadOutcome outcome = load(text, overrides);
  ASSERT_EQ(lines(outcome.diagnostics), Lines{});
  const GlobalOptions& global = outcome.config.global;
  EXPECT_EQ(global.logFormat, LogFormat::kJson);
  EXPECT_EQ(global.originOf("log-format").text(), "f.ini:5");
  EXPECT_EQ(global.log.sink, LogTarget::kSyslog);
  EXPECT_EQ(global.originOf("log").text(), "env:CULVERT_GLOBAL_LOG");
  EXPECT_EQ(global.workers, 3u);
  EXPECT_EQ(global.originOf("workers").text(), "--set#1");
  EXPECT_EQ(global.logLevel, 7);
  EXPECT_EQ(global.originOf("log-level").text(), "--log-level");
  ASSERT_EQ(outcome.config.services.size(), 1u);
  const ServiceOptions& service = outcome.config.services[0];
  EXPECT_EQ(texts(service.listen), (Lines{"8", "9", "10"}));
  EXPECT_EQ(service.listen[0].origin.text(), "--listen");
  EXPECT_EQ(service.idleTimeout, Millis(3000));
  EXPECT_EQ(service.originOf("idle-timeout").text(), "--set#5");
  EXPECT_EQ(service.stallTimeout, Millis(1000));
}

TEST(Overrides, AListIsReplacedByOneSourceAndGrowsWithinIt) {
  EXPECT_EQ(texts(load(kSound, sets({"service:web.listen=3", "service:web.listen=4,5"}))
                      .config.services[0]
                      .listen),
            (Lines{"3", "4", "5"}));
  EXPECT_EQ(
      texts(load(kSound + "alpn = h2\n", sets({"service:web.alpn="})).config.services[0].alpn),
      Lines{});
}

TEST(Overrides, DefaultsAreWeakerThanWhatTheServiceSaysItself) {
  const std::string text =
      "[defaults]\nidle-timeout = 1s\nstall-timeout = 1s\n" + kSound + "stall-timeout = 2s\n";
  Overrides overrides =
      environment({"CULVERT_DEFAULTS_IDLE_TIMEOUT=3s", "CULVERT_DEFAULTS_STALL_TIMEOUT=3s",
                   "CULVERT_DEFAULTS_CONNECT_TIMEOUT=3s"});
  overrides.sets = {"defaults.connect-timeout=4s"};
  const LoadOutcome outcome = load(text, overrides);
  ASSERT_EQ(lines(outcome.diagnostics), Lines{});
  const ServiceOptions& service = outcome.config.services[0];
  EXPECT_EQ(service.idleTimeout, Millis(3000));
  EXPECT_EQ(service.stallTimeout, Millis(2000));
  EXPECT_EQ(service.connectTimeout, Millis(4000));
}

TEST(Overrides, OneServiceWithoutAFile) {
  Overrides overrides =
      environment({"CULVERT_TUNNEL_LISTEN=8443", "CULVERT_TUNNEL_BACKEND=127.0.0.1:80",
                   "CULVERT_TUNNEL_CERT=/c,with:odd;name", "CULVERT_TUNNEL_KEY=/k",
                   "CULVERT_CONFIG=/ignored/here"});
  const LoadOutcome outcome = loadWithoutFile(overrides);
  ASSERT_EQ(lines(outcome.diagnostics), Lines{});
  const ServiceOptions& service = outcome.config.services.at(0);
  EXPECT_EQ(service.name, "main");
  EXPECT_EQ(texts(service.cert), Lines{"/c,with:odd;name"});
  EXPECT_EQ(service.sectionOrigin.text(), "env:CULVERT_TUNNEL_BACKEND");
}

TEST(Overrides, SelfSignedStandsInForCertAndKey) {
  Overrides overrides;
  overrides.named = {{"--listen", "listen", "1"}, {"--backend", "backend", "2"}};
  const LoadOutcome without = loadWithoutFile(overrides);
  EXPECT_EQ(lines(without.diagnostics),
            Lines{"--listen: error: [service main] cert: is missing; "
                  "every service with tls = on needs it: PEM file with a certificate "
                  "and its chain (or --self-signed)"});
  overrides.selfSigned = true;
  const LoadOutcome with = loadWithoutFile(overrides);
  ASSERT_EQ(lines(with.diagnostics), Lines{});
  EXPECT_TRUE(with.config.services.at(0).selfSigned);
  const LoadOutcome over = load("[service main]\nlisten = 1\nbackend = 2\ncert = c\nkey = k\n" +
                                    kSound.substr(0, 14) + "listen = 3\nbackend = 2\ncert = c\n",
                                overrides);
  ASSERT_EQ(lines(over.diagnostics), Lines{});
  EXPECT_TRUE(over.config.findService("main")->selfSigned);
  EXPECT_TRUE(over.config.findService("main")->cert.empty());
  EXPECT_TRUE(over.config.findService("main")->key.empty());
  EXPECT_FALSE(over.config.findService("web")->selfSigned);
}

TEST(Overrides, KubernetesNamesAreNotOurs) {
  EXPECT_EQ(
      lines(load(kSound, environment({"CULVERT_SERVICE=x", "CULVERT_SERVICE_HOST=10.0.0.1",
                                      "CULVERT_PORT=tcp://x", "CULVERT_PORT_443_TCP_ADDR=1",
                                      "CULVERT_SERVICE_PORT_HTTPS=1", "CULVERT=1", "CULVERTX_Y=1"}))
                .diagnostics),
      Lines{});
}

TEST(Overrides, UnknownVariablesAreErrors) {
  const std::pair<const char*, const char*> rows[] = {
      {"CULVERT_PORTS=1",
       "env:CULVERT_PORTS: error: unknown variable; allowed: CULVERT_CONFIG, and CULVERT_GLOBAL_"},
      {"CULVERT_SERVICES_X=1", "env:CULVERT_SERVICES_X: error: unknown variable"},
      {"CULVERT_TUNNEL_LISTN=1", "(did you mean \"CULVERT_TUNNEL_LISTEN\")"},
      {"CULVERT_GLOBAL_WORKER=1", "(did you mean \"CULVERT_GLOBAL_WORKERS\")"},
      {"CULVERT_CONFIGFILE=1", "(did you mean \"CULVERT_CONFIG\")"},
      {"CULVERT_GLOBAL_LISTEN=1",
       "env:CULVERT_GLOBAL_LISTEN: error: listen belongs to a service: CULVERT_DEFAULTS_LISTEN or "
       "CULVERT_TUNNEL_LISTEN"},
      {"CULVERT_TUNNEL_LOG_LEVEL=info",
       "env:CULVERT_TUNNEL_LOG_LEVEL: error: log-level belongs in [global]: "
       "CULVERT_GLOBAL_LOG_LEVEL"},
      {"CULVERT_GLOBAL_=1", "env:CULVERT_GLOBAL_: error: unknown variable"},
      {"CULVERT_TUNNEL_idle_timeout=1", "env:CULVERT_TUNNEL_idle_timeout: error: unknown variable"},
      {"CULVERT_=1", "env:CULVERT_: error: unknown variable"},
  };
  for (const auto& [variable, words] : rows) {
    const Lines all = lines(load(kSound, environment({variable})).diagnostics);
    ASSERT_EQ(all.size(), 1u) << variable;
    EXPECT_NE(all[0].find(words), std::string::npos) << all[0];
  }
}

TEST(Overrides, BadValuesNameTheirVariable) {
  const Lines all =
      lines(load(kSound, environment({"CULVERT_GLOBAL_WORKERS=x", "CULVERT_GLOBAL_LOG=",
                                      "CULVERT_DEFAULTS_ALPN=a\nb", "CULVERT_GLOBAL_USER=a ;b"}))
                .diagnostics);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(
      all[0],
      "env:CULVERT_DEFAULTS_ALPN: error: [defaults] alpn: control character 0x0a in the value");
  EXPECT_EQ(all[1],
            "env:CULVERT_GLOBAL_LOG: error: [global] log: has no value; allowed: auto, syslog, "
            "stderr, stdout, file:PATH");
  EXPECT_EQ(all[2].substr(0, 47), "env:CULVERT_GLOBAL_USER: error: [global] user: ");
  EXPECT_EQ(all[3],
            "env:CULVERT_GLOBAL_WORKERS: error: [global] workers: \"x\" is not a whole number; "
            "allowed: 1 to 256, or auto");
}

TEST(Overrides, SetsThatAreNone) {
  constexpr const char* kAllowed =
      "; allowed: global.KEY=VALUE, defaults.KEY=VALUE, service:NAME.KEY=VALUE";
  const std::pair<const char*, std::string> rows[] = {
      {"global.workers", std::string("\"global.workers\" has no '='") + kAllowed},
      {"workers=2", std::string("\"workers=2\" names no section") + kAllowed +
                        " (did you mean \"global.workers=2\")"},
      {"alpn=h2", std::string("\"alpn=h2\" names no section") + kAllowed +
                      " (did you mean \"service:NAME.alpn=h2\")"},
      {"gobal.workers=2", std::string("\"gobal.workers=2\" names a section that does not exist") +
                              kAllowed + " (did you mean \"global\")"},
      {"service:.listen=2",
       std::string("\"service:.listen=2\" has no valid name of a service") + kAllowed},
      {"global.worker=2", "[global] worker: unknown key (did you mean \"workers\")"},
      {"global.workers=", "[global] workers: has no value; allowed: 1 to 256, or auto"},
  };
  for (const auto& [text, what] : rows)
    EXPECT_EQ(lines(load(kSound, sets({text})).diagnostics), Lines{"--set#1: error: " + what})
        << text;
}

TEST(Overrides, SetIsSplitAtTheLastDotBeforeTheEqualsSign) {
  const LoadOutcome outcome = load("[service a.b]\nlisten = 1\nbackend = 2\ncert = c\n",
                                   sets({"service:a.b.cert=/x.y=z.pem"}));
  ASSERT_EQ(lines(outcome.diagnostics), Lines{});
  EXPECT_EQ(texts(outcome.config.services[0].cert), Lines{"/x.y=z.pem"});
}

TEST(Overrides, AScalarTwiceInOneSourceIsAnError) {
  EXPECT_EQ(
      lines(load(kSound, sets({"global.workers=1", "service:web.alpn=h2", "global.workers=2"}))
                .diagnostics),
      Lines{"--set#3: error: [global] workers: is given twice, first at --set#1"});
}

TEST(Overrides, AServiceThatOnlyAnOverrideKnowsIsPerhapsMisspelt) {
  const Lines all = lines(load(kSound, sets({"service:wbe.idle-timeout=1s"})).diagnostics);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0],
            "--set#1: error: [service wbe] listen: is missing; every service needs it: addresses "
            "on which clients are "
            "accepted (did you mean \"service:web\")");
}

TEST(Overrides, ErrorsComeInTheOrderOfStrength) {
  Overrides overrides = environment({"CULVERT_GLOBAL_WORKERS=x"});
  overrides.sets = {"global.log=x"};
  overrides.named = {{"--log-level", "log-level", "x"}};
  const LoadOutcome outcome = load(kSound + "idle-timeout = x\n", overrides);
  Lines origins;
  for (const Diagnostic& one : outcome.diagnostics.list()) origins.push_back(one.origin.text());
  EXPECT_EQ(origins, (Lines{"f.ini:5", "env:CULVERT_GLOBAL_WORKERS", "--set#1", "--log-level"}));
}

TEST(Overrides, EnvironmentHelpers) {
  const Lines variables = {"A=1", "CULVERT_CONFIG=/x", "CULVERT_CONFIGX=2", "B"};
  EXPECT_STREQ(environmentValue(variables, "CULVERT_CONFIG"), "/x");
  EXPECT_EQ(environmentValue(variables, "CULVERT_CONF"), nullptr);
  EXPECT_EQ(environmentValue(variables, "B"), nullptr);
  EXPECT_FALSE(environmentNamesService(variables));
  EXPECT_TRUE(environmentNamesService({"CULVERT_TUNNEL_CERT=x"}));
}

}  // namespace
}  // namespace culvert
