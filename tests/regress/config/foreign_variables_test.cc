// SPDX-License-Identifier: GPL-3.0-or-later
// Done: a Kubernetes Service called culvert-metrics put CULVERT_METRICS_SERVICE_HOST and its like
// into the environment; CULVERT_SERVICE_LISTEN was written for CULVERT_TUNNEL_LISTEN.
// Seen: the first were errors (exit code 3), the second was ignored without a word.
// Right: the first are ignored; of the second a warning says so, if something is missing.
#include <gtest/gtest.h>

#include <algorithm>

#include "config/overrides.h"
#include "tests/unit/config/load_helper.h"

namespace culvert {
namespace {

using namespace testing_config;
using Lines = std::vector<std::string>;

Overrides environment(std::vector<std::string> variables) {
  Overrides overrides;
  overrides.environment = std::move(variables);
  return overrides;
}

TEST(ForeignVariables, WhatKubernetesInjectsForAnyServiceIsIgnored) {
  const Lines injected = {
      "CULVERT_METRICS_SERVICE_HOST=10.0.0.1",
      "CULVERT_METRICS_SERVICE_PORT=9180",
      "CULVERT_METRICS_SERVICE_PORT_HTTP=9180",
      "CULVERT_METRICS_PORT=tcp://10.0.0.1:9180",
      "CULVERT_METRICS_PORT_9180_TCP=tcp://10.0.0.1:9180",
      "CULVERT_METRICS_PORT_9180_TCP_PROTO=tcp",
      "CULVERT_METRICS_PORT_9180_TCP_PORT=9180",
      "CULVERT_X_PORT_9180_TCP_ADDR=10.0.0.1",
      "CULVERT_A_B_2_SERVICE_HOST=10.0.0.1",
      // Services called culvert-global, culvert-tunnel and culvert-defaults-x
      "CULVERT_GLOBAL_SERVICE_HOST=10.0.0.1",
      "CULVERT_TUNNEL_PORT_53_UDP_ADDR=10.0.0.1",
      "CULVERT_DEFAULTS_X_SERVICE_PORT_DNS_TCP=53",
      "CULVERT_ADMIN=/run/culvert/admin.sock",
  };
  EXPECT_EQ(lines(load(kSound, environment(injected)).diagnostics), Lines{});
  // They do not ask for a service either.
  EXPECT_FALSE(environmentNamesService({"CULVERT_TUNNEL_SERVICE_HOST=10.0.0.1"}));
  EXPECT_TRUE(environmentNamesService({"CULVERT_TUNNEL_LISTEN=1"}));
}

TEST(ForeignVariables, WhatKubernetesDoesNotInjectIsAnErrorStill) {
  for (const char* name :
       {"CULVERT_METRICS_HOST", "CULVERT_METRICS_PORTS", "CULVERT_x_SERVICE_HOST",
        "CULVERT_METRICS_PORT_", "CULVERT_METRICS_SERVICE_HOST_X", "CULVERT_ADMIN_X",
        "CULVERT_REPORT", "CULVERT_TUNNEL_LISTN", "CULVERT_GLOBAL_LISTEN"})
    EXPECT_EQ(lines(load(kSound, environment({std::string(name) + "=1"})).diagnostics).size(), 1u)
        << name;
}

TEST(ForeignVariables, AreNamedIfSomethingIsMissing) {
  const Lines variables = {"CULVERT_SERVICE_LISTEN=8443",
                           "CULVERT_SERVICE_WEB_BACKEND=127.0.0.1:80", "CULVERT_SERVICE_CRT=/c",
                           "CULVERT_PORT=8443"};
  constexpr const char* kWords =
      ": warning: is ignored: Kubernetes sets variables with such names; allowed: CULVERT_TUNNEL_ "
      "with "
      "the name of an option";
  const auto line = [&](const char* name, const char* meant) {
    return std::string("env:") + name + kWords + meant;
  };
  const Lines expected = {
      line("CULVERT_PORT", ""),
      line("CULVERT_SERVICE_CRT", " (did you mean \"CULVERT_TUNNEL_CERT\")"),
      line("CULVERT_SERVICE_LISTEN", " (did you mean \"CULVERT_TUNNEL_LISTEN\")"),
      line("CULVERT_SERVICE_WEB_BACKEND", " (did you mean \"CULVERT_TUNNEL_BACKEND\")"),
  };
  for (const char* text : {"[global]\nworkers = 1\n", "[service web]\nlisten = 1\ncert = c\n"}) {
    Lines warnings;
    for (const std::string& one : lines(load(text, environment(variables)).diagnostics))
      if (one.starts_with("env:")) warnings.push_back(one);
    std::ranges::sort(warnings);
    EXPECT_EQ(warnings, expected) << text;
  }
  EXPECT_EQ(lines(load(kSound, environment(variables)).diagnostics), Lines{});
}

TEST(ForeignVariables, ThoseOfARealServiceAreNotNamed) {
  const Lines real = {"CULVERT_SERVICE_HOST=10.0.0.1", "CULVERT_SERVICE_PORT=443",
                      "CULVERT_SERVICE_PORT_TLS=443",  "CULVERT_PORT=tcp://10.0.0.1:443",
                      "CULVERT_PORT_443_TCP=x",        "CULVERT_X_SERVICE_HOST=10.0.0.1",
                      "CULVERT_X_SERVICE_PORT=9180",   "CULVERT_X_PORT_9180_TCP_ADDR=10.0.0.1"};
  EXPECT_TRUE(passedOverVariables(real).empty());
  EXPECT_EQ(passedOverVariables({"CULVERT_SERVICE_PORT=443"}).list().size(), 1u);
}

TEST(ForeignVariables, YesAndNoStandForOnAndOffWhereverTheseAreAllowed) {
  const LoadOutcome outcome =
      load("[global]\nmax-tunnels = no\n" + kSound +
           "connect-retry = false\nstrict-sni = yes\nsession-tickets = true\nidle-timeout = no\n"
           "proxy-protocol = no\nverify-client = false\nocsp-stapling = no\n");
  EXPECT_EQ(lines(outcome.diagnostics), Lines{});
  const ServiceOptions& service = outcome.config.services.at(0);
  EXPECT_EQ(outcome.config.global.maxTunnels, 0u);
  EXPECT_FALSE(service.connectRetry);
  EXPECT_TRUE(service.strictSni);
  EXPECT_TRUE(service.sessionTickets);
  EXPECT_EQ(service.idleTimeout, Millis(0));
  EXPECT_EQ(service.proxyProtocol, ProxyVersion::kOff);
  EXPECT_EQ(service.verifyClient, VerifyClient::kOff);
  EXPECT_EQ(service.ocspStapling, StapleMode::kOff);
  EXPECT_EQ(lines(load(kSound + "verify-client = yes\n").diagnostics),
            Lines{"f.ini:5: error: [service web] verify-client: \"yes\" is not allowed; allowed: "
                  "off, optional, required"});
  EXPECT_EQ(lines(load(kSound + "fifo-size = no\n").diagnostics).size(), 1u);
}

}  // namespace
}  // namespace culvert
