// SPDX-License-Identifier: GPL-3.0-or-later
// Loading a whole configuration: values, inheritance, and every kind of mistake with its exact
// line.
#include <gtest/gtest.h>

#include <algorithm>

#include "load_helper.h"

namespace culvert {
namespace {

using namespace testing_config;
using Lines = std::vector<std::string>;

TEST(ConfigLoad, AMinimalServiceHasTheDefaults) {
  const LoadOutcome outcome = load(kSound);
  ASSERT_TRUE(outcome.ok()) << lines(outcome.diagnostics)[0];
  EXPECT_TRUE(outcome.diagnostics.empty());
  ASSERT_EQ(outcome.config.services.size(), 1u);
  const ServiceOptions& service = outcome.config.services[0];
  EXPECT_EQ(service.name, "web");
  EXPECT_EQ(texts(service.listen), Lines{"1"});
  EXPECT_EQ(texts(service.backend), Lines{"2"});
  EXPECT_EQ(texts(service.cert), Lines{"c"});
  EXPECT_EQ(service.listen[0].origin.text(), "f.ini:2");
  EXPECT_EQ(service.handshakeTimeout, Millis(10'000));
  EXPECT_EQ(service.idleTimeout, Millis(3'600'000));
  EXPECT_EQ(service.stallTimeout, Millis(300'000));
  EXPECT_EQ(service.halfCloseTimeout, Millis(60'000));
  EXPECT_EQ(service.fifoSize, 65536u);
  EXPECT_EQ(outcome.config.global.drainTimeout, Millis(8000));
  EXPECT_EQ(service.originOf("idle-timeout").text(), "default");
  EXPECT_TRUE(sameOptions(outcome.config.global, GlobalOptions{}));
}

TEST(ConfigLoad, EveryValueArrives) {
  const LoadOutcome outcome = load(
      "[global]\nworkers = 3\nlog = file:/l\nlog-level = debug\nlog-format = json\nsyslog-facility "
      "= local3\n"
      "user = u\ngroup = g\npid-file = /p\nmax-tunnels = 100\ndrain-timeout = off\n"
      "[service s]\nlisten = 1, 2\nlisten = 3\nbackend = unix:/b\ncert = a\ncert = b\nkey = "
      "k\nmin-version = 1.3\n"
      "max-version = 1.3\nciphersuites = X:Y\ngroups = P, Q\nalpn = h2,http/1.1\nproxy-protocol = "
      "v2\n"
      "handshake-timeout = 1s\nconnect-timeout = 2s\nidle-timeout = 0\nstall-timeout = 1h30m\n"
      "half-close-timeout = 4ms\non-truncation = fin\nconnect-retry = off\nfifo-size = "
      "1m\nsession-tickets = off\n");
  ASSERT_EQ(lines(outcome.diagnostics), Lines{});
  const GlobalOptions& global = outcome.config.global;
  EXPECT_EQ(global.workers, 3u);
  EXPECT_EQ(global.log, (LogPlace{LogTarget::kFile, "/l"}));
  EXPECT_EQ(global.logLevel, 7);
  EXPECT_EQ(global.logFormat, LogFormat::kJson);
  EXPECT_EQ(global.syslogFacility, "local3");
  EXPECT_EQ(global.user, "u");
  EXPECT_EQ(global.group, "g");
  EXPECT_EQ(global.pidFile, "/p");
  EXPECT_EQ(global.maxTunnels, 100u);
  EXPECT_EQ(global.drainTimeout, Millis(0));
  const ServiceOptions& service = outcome.config.services.at(0);
  EXPECT_EQ(texts(service.listen), (Lines{"1", "2", "3"}));
  EXPECT_EQ(texts(service.backend), Lines{"unix:/b"});
  EXPECT_EQ(texts(service.cert), (Lines{"a", "b"}));
  EXPECT_EQ(texts(service.key), Lines{"k"});
  EXPECT_EQ(service.minVersion, 0x0304);
  EXPECT_EQ(service.maxVersion, 0x0304);
  EXPECT_EQ(texts(service.ciphersuites), (Lines{"X", "Y"}));
  EXPECT_EQ(texts(service.groups), (Lines{"P", "Q"}));
  EXPECT_EQ(texts(service.alpn), (Lines{"h2", "http/1.1"}));
  EXPECT_EQ(service.proxyProtocol, ProxyVersion::kV2);
  EXPECT_EQ(service.handshakeTimeout, Millis(1000));
  EXPECT_EQ(service.connectTimeout, Millis(2000));
  EXPECT_EQ(service.idleTimeout, Millis(0));
  EXPECT_EQ(service.stallTimeout, Millis(5'400'000));
  EXPECT_EQ(service.halfCloseTimeout, Millis(4));
  EXPECT_EQ(service.onTruncation, TruncationEnd::kFin);
  EXPECT_FALSE(service.connectRetry);
  EXPECT_EQ(service.fifoSize, 1048576u);
  EXPECT_FALSE(service.sessionTickets);
  EXPECT_EQ(service.cert[1].origin.text(), "f.ini:17");
}

TEST(ConfigLoad, DefaultsHoldForLaterServicesOnly) {
  const LoadOutcome outcome = load(
      "[service a]\nlisten = 1\nbackend = 2\ncert = c\n"
      "[defaults]\nidle-timeout = 5m\nalpn = h2\ncert = d\n"
      "[service b]\nlisten = 3\nbackend = 2\n"
      "[defaults]\nidle-timeout = 6m\n"
      "[service c]\nlisten = 4\nbackend = 2\nalpn =\ncert = e\n"
      "[service d]\nlisten = 5\nbackend = 2\nidle-timeout = 7m\nalpn = imap\n");
  ASSERT_EQ(lines(outcome.diagnostics), Lines{});
  const auto& services = outcome.config.services;
  EXPECT_EQ(services[0].idleTimeout, Millis(3'600'000));
  EXPECT_TRUE(services[0].alpn.empty());
  EXPECT_EQ(services[1].idleTimeout, Millis(300'000));
  EXPECT_EQ(services[1].originOf("idle-timeout").text(), "f.ini:6");
  EXPECT_EQ(texts(services[1].alpn), Lines{"h2"});
  EXPECT_EQ(texts(services[1].cert), Lines{"d"});
  EXPECT_EQ(services[2].idleTimeout, Millis(360'000));
  EXPECT_TRUE(services[2].alpn.empty());
  EXPECT_EQ(services[2].originOf("alpn").text(), "f.ini:17");
  EXPECT_EQ(texts(services[2].cert), Lines{"e"});
  EXPECT_EQ(services[3].idleTimeout, Millis(420'000));
  EXPECT_EQ(texts(services[3].alpn), Lines{"imap"});
}

TEST(ConfigLoad, ADefaultsSectionBehindTheLastServiceIsAWarning) {
  const LoadOutcome outcome = load(kSound + "[defaults]\nidle-timeout = 1s\n");
  EXPECT_TRUE(outcome.ok());
  EXPECT_EQ(lines(outcome.diagnostics),
            Lines{"f.ini:5: warning: [defaults]: has no effect: it applies to later services, but "
                  "no service follows"});
}

TEST(ConfigLoad, SevenMistakesAreSevenErrorsInTheOrderOfTheFile) {
  const LoadOutcome outcome = load(
      "[global]\n"
      "worker = 2\n"
      "idle-timeout = 5m\n"
      "[service web]\n"
      "lisen = 8443\n"
      "backend = nowhere\n"
      "handshake-timeout = 30\n"
      "fifo-size = 1k\n"
      "min-version = TLSv1.2\n"
      "on-truncation = rst\n");
  EXPECT_EQ(lines(outcome.diagnostics),
            (Lines{
                "f.ini:2: error: [global] worker: unknown key (did you mean \"workers\")",
                "f.ini:3: error: [global] idle-timeout: belongs in [service NAME] or [defaults]",
                "f.ini:4: error: [service web] cert: is missing; every service with tls = on needs "
                "it: PEM file "
                "with a certificate and "
                "its chain",
                "f.ini:5: error: [service web] lisen: unknown key (did you mean \"listen\")",
                "f.ini:6: error: [service web] backend: no address",
                "f.ini:7: error: [service web] handshake-timeout: \"30\" has no unit; allowed: a "
                "number with ms, s, m, h "
                "or d, as in 30s or 1h30m, or off (did you mean \"30s\")",
                "f.ini:8: error: [service web] fifo-size: \"1k\" is too small; allowed: 32k to 16m",
                "f.ini:9: error: [service web] min-version: \"TLSv1.2\" is not allowed; allowed: "
                "1.2, 1.3 (did you mean "
                "\"1.2\")",
                "f.ini:10: error: [service web] on-truncation: \"rst\" is not allowed; allowed: "
                "reset, fin (did you mean "
                "\"reset\")",
            }));
}

struct Mistake {
  const char* text;  // behind kSound, which has 4 lines
  const char* line;
};

class OneMistake : public ::testing::TestWithParam<Mistake> {};

TEST_P(OneMistake, IsOneLine) {
  const LoadOutcome outcome = load(kSound + GetParam().text);
  EXPECT_EQ(lines(outcome.diagnostics), Lines{GetParam().line});
  EXPECT_EQ(outcome.ok(),
            std::string_view(GetParam().line).find(": warning: ") != std::string_view::npos);
}

constexpr Mistake kMistakes[] = {
    {"workers = 2\n", "f.ini:5: error: [service web] workers: belongs in [global]"},
    {"accept = 1\n",
     "f.ini:5: error: [service web] accept: unknown key, a word of stunnel; culvert calls this "
     "listen"},
    {"TIMEOUTidle = 1\n",
     "f.ini:5: error: [service web] TIMEOUTidle: unknown key, a word of stunnel; culvert calls "
     "this "
     "idle-timeout"},
    {"write_proxy_v2 = on\n",
     "f.ini:5: error: [service web] write_proxy_v2: unknown key, a word of hitch; culvert calls "
     "this proxy-protocol = v2"},
    {"setuid = tls\n",
     "f.ini:5: error: [service web] setuid: unknown key, a word of stunnel; culvert calls this "
     "user, in [global]"},
    {"[global]\nconnect = 1\n",
     "f.ini:6: error: [global] connect: unknown key, a word of stunnel; culvert calls this "
     "backend, in [service NAME]"},
    {"renegotiation = no\n",
     "f.ini:5: error: [service web] renegotiation: unknown key, a word of stunnel; culvert has no "
     "such key; it never renegotiates"},
    {"bind *:443 ssl crt /c.pem\n",
     "f.ini:5: error: [service web]: \"bind *:443 ssl crt /c.pem\" is not `key = value`; bind is a "
     "word of haproxy; culvert calls this listen"},
    {"idle_timeout = 1s\n",
     "f.ini:5: error: [service web] idle_timeout: unknown key (did you mean \"idle-timeout\")"},
    {"worker = 1\n",
     "f.ini:5: error: [service web] worker: unknown key (did you mean \"workers\" of [global])"},
    {"xyzzy = 1\n",
     "f.ini:5: error: [service web] xyzzy: unknown key; `culvert --help` lists all keys"},
    {"quantum = x\n",
     "f.ini:5: error: [service web] quantum: unknown key; `culvert --help` lists all keys"},
    {"idle-timeout = 1s\nidle-timeout = 2s\n",
     "f.ini:6: error: [service web] idle-timeout: is given twice, first at f.ini:5"},
    {"idle-timeout =\n",
     "f.ini:5: error: [service web] idle-timeout: has no value; allowed: 1ms to 365d, or off (no "
     "limit)"},
    {"listen =\n", "f.ini:5: error: [service web] listen: has no value"},
    {"listen = 3,,4\n",
     "f.ini:5: error: [service web] listen: an empty item in the list; items are separated by "
     "single commas"},
    {"listen = 3, x, 4\n", "f.ini:5: error: [service web] listen: no address"},
    {"listen = 1\n",
     "f.ini:5: error: [service web] listen: 1 is used by [service web] already, at f.ini:2"},
    {"groups = BAD\n", "f.ini:5: error: [service web] groups: unknown name"},
    {"alpn = h2, h2\n", "f.ini:5: error: [service web] alpn: \"h2\" is in the list twice"},
    {"key = a\nkey = b\n",
     "f.ini:6: error: [service web] key: 2 keys for 1 certificate; the first key belongs to the "
     "first cert and so on"},
    {"min-version = 1.3\nmax-version = 1.2\n",
     "f.ini:6: error: [service web] max-version: 1.2 is below min-version 1.3"},
    {"min-version = 1.3\nciphers = A\n",
     "f.ini:6: warning: [service web] ciphers: has no effect: these are suites of TLS 1.2, and "
     "min-version is 1.3 (TLS 1.3 "
     "uses ciphersuites)"},
    {"max-version = 1.2\nciphersuites = A\n",
     "f.ini:6: warning: [service web] ciphersuites: has no effect: these are suites of TLS 1.3, "
     "and max-version is 1.2 (TLS "
     "1.2 uses ciphers)"},
    {"min-version = 1.0\n",
     "f.ini:5: error: [service web] min-version: \"1.0\" is not allowed; allowed: 1.2, 1.3 (did "
     "you mean \"1.2\")"},
    {"connect-retry = Yes\n",
     "f.ini:5: error: [service web] connect-retry: \"Yes\" is not allowed; allowed: on, off (did "
     "you mean \"on\")"},
    {"handshake-timeout = 2h\n",
     "f.ini:5: error: [service web] handshake-timeout: \"2h\" is too large; allowed: 1ms to 1h, or "
     "off (no limit)"},
    {"fifo-size = off\n",
     "f.ini:5: error: [service web] fifo-size: \"off\" is too small; allowed: 32k to 16m"},
    {"[service web]\nlisten = 3\nbackend = 4\ncert = c\n",
     "f.ini:5: error: [service web]: a service of this name exists already, at f.ini:1"},
    {"[service two]\nlisten = 1\nbackend = 4\ncert = c\n",
     "f.ini:6: error: [service two] listen: 1 is used by [service web] already, at f.ini:2; "
     "services "
     "that share an address need a match option, such as match-name, and one may have fallback = "
     "on"},
    {"[service two]\nlisten = 3\nbackend = 4\n",
     "f.ini:5: error: [service two] cert: is missing; every service with tls = on needs it: PEM "
     "file with a "
     "certificate and its chain"},
    {"alpn = \"h2\"\n",
     "f.ini:5: error: [service web] alpn: \"\"h2\"\" has a quote or a blank; write names without "
     "quotes: h2, http/1.1"},
    {"[global]\nworkers = 0\n",
     "f.ini:6: error: [global] workers: \"0\" is too small; allowed: 1 to 256, or auto"},
    {"[global]\nworkers = many\n",
     "f.ini:6: error: [global] workers: \"many\" is not a whole number; allowed: 1 to 256, or "
     "auto"},
    {"[global]\nworkers = 1\n[global]\nworkers = 2\n",
     "f.ini:8: error: [global] workers: is given twice, first at f.ini:6"},
    {"[global]\nlog-level = warn\n",
     "f.ini:6: error: [global] log-level: \"warn\" is not allowed; allowed: emerg, alert, crit, "
     "err, warning, notice, info, "
     "debug (did you mean \"warning\")"},
    {"[global]\nmax-tunnels = -1\n",
     "f.ini:6: error: [global] max-tunnels: \"-1\" is not a whole number; allowed: 1 to 10000000, "
     "or "
     "off (no limit)"},
    {"[global]\nticket-rotation = off\n",
     "f.ini:6: error: [global] ticket-rotation: \"off\" is too small; allowed: 1s to 7d"},
    {"[global]\nticket-rotation = 8d\n",
     "f.ini:6: error: [global] ticket-rotation: \"8d\" is too large; allowed: 1s to 7d"},
    {"[global]\nlisten = 1\n",
     "f.ini:6: error: [global] listen: belongs in [service NAME] or [defaults]"},
    {"[global]\ngroup = g\n", "f.ini:6: warning: [global] group: has no effect without user"},
};
INSTANTIATE_TEST_SUITE_P(Config, OneMistake, ::testing::ValuesIn(kMistakes));

TEST(ConfigLoad, AMistakeInDefaultsIsReportedOnce) {
  const LoadOutcome outcome =
      load("[defaults]\nidle-timeout = x\nmin-version = 1.3\nmax-version = 1.2\n" + kSound +
           "[service two]\nlisten = 3\nbackend = 4\ncert = c\n");
  ASSERT_EQ(outcome.diagnostics.errors(), 2u);
  EXPECT_EQ(outcome.diagnostics.list()[0].origin.line, 2u);
  EXPECT_EQ(outcome.diagnostics.list()[1].origin.line, 4u);
}

TEST(ConfigLoad, NothingToServe) {
  const Lines expected{
      "f.ini:1: error: no service is configured; add a [service NAME] section with listen, backend "
      "and cert"};
  EXPECT_EQ(lines(load("").diagnostics), expected);
  EXPECT_EQ(lines(load("[global]\nworkers = 1\n").diagnostics), expected);
  EXPECT_EQ(load("[servce web]\nlisten = 1\n").diagnostics.errors(), 1u);  // one mistake, one error
}

TEST(ConfigLoad, PortZeroMayStandTwice) {
  EXPECT_TRUE(
      load(kSound + "listen = 0\nlisten = 0\nlisten = 127.0.0.1:0\nlisten = 127.0.0.1:0\n").ok());
}

TEST(ConfigLoad, AFileThatCannotBeRead) {
  Overrides overrides;
  overrides.sets = {"nonsense"};
  const LoadOutcome outcome = ConfigSource("/nonexistent/f.ini", overrides).load({});
  EXPECT_FALSE(outcome.ok());
  ASSERT_EQ(outcome.diagnostics.list().size(), 2u);
  EXPECT_EQ(lines(outcome.diagnostics)[0],
            "/nonexistent/f.ini: error: cannot open the file: No such file or directory");
}

TEST(ConfigLoad, ThousandsOfErrorsEndWithOneThatSaysSo) {
  std::string text = "[global]\n";
  for (int i = 0; i < 100'000; ++i) text += "key" + std::to_string(i) + " = 1\n";
  const LoadOutcome outcome = load(text);
  EXPECT_EQ(outcome.diagnostics.list().size(), Diagnostics::kMostErrors + 1);
  EXPECT_EQ(outcome.diagnostics.list().back().what,
            "stopped after 1000 errors: the rest has not been checked");
}

TEST(ConfigLoad, TenThousandServices) {
  std::string text = "[defaults]\ncert = c\nbackend = 1\n";
  for (int i = 0; i < 10'000; ++i) {
    text +=
        "[service s" + std::to_string(i) + "]\nlisten = 127.0.0.1:" + std::to_string(i + 1) + "\n";
  }
  const LoadOutcome outcome = load(text);
  EXPECT_TRUE(outcome.ok());
  ASSERT_EQ(outcome.config.services.size(), 10'000u);
  EXPECT_EQ(outcome.config.services.back().name, "s9999");
}

TEST(ConfigChanges, EqualityLooksAtValuesNotAtPlaces) {
  const Config a = load(kSound).config, b = load("\n\n" + kSound + "idle-timeout = 1h\n").config;
  EXPECT_TRUE(sameOptions(a.services[0], b.services[0]));
  const Config c = load(kSound + "idle-timeout = 2h\n").config;
  EXPECT_FALSE(sameOptions(a.services[0], c.services[0]));
  const Config d = load(kSound + "alpn = h2\n").config;
  EXPECT_FALSE(sameOptions(a.services[0], d.services[0]));
}

TEST(ConfigChanges, RestartOnlyKeysAreNamed) {
  const Config before = load(kSound + "[global]\nuser = a\nlog-level = info\n").config;
  const Config after =
      load(kSound + "[global]\nworkers = 4\nlog-level = debug\ndrain-timeout = 1s\n").config;
  EXPECT_TRUE(restartOnlyChanges(before, before, "f.ini").empty());
  EXPECT_EQ(lines(restartOnlyChanges(before, after, "f.ini")),
            (Lines{"f.ini:5: error: [global] user: was a, now not set: needs a restart, a reload "
                   "cannot change it",
                   "f.ini:6: error: [global] workers: was auto, now 4: needs a restart, a reload "
                   "cannot change it"}));
  const Config none = load(kSound).config;
  EXPECT_EQ(lines(restartOnlyChanges(before, none, "f.ini")),
            Lines{"f.ini:1: error: [global] user: was a, now not set: needs a restart, a reload "
                  "cannot change it"});
}

TEST(ConfigChanges, FindService) {
  const Config config = load(kSound).config;
  EXPECT_NE(config.findService("web"), nullptr);
  EXPECT_EQ(config.findService("we"), nullptr);
}

}  // namespace
}  // namespace culvert
