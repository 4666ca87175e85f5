// SPDX-License-Identifier: GPL-3.0-or-later
// The whole text of /metrics: each rule of the text format, the bound on the number of series, and
// the table for the documentation.
#include "admin/prometheus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <iostream>
#include <map>
#include <set>
#include <sstream>

#include "net/close_reason.h"
#include "stats/counter_registry.h"
#include "unit/admin/support/metrics_checker.h"

namespace culvert {
namespace {

using testing::HasSubstr;
using testing::Not;

ServiceMetrics service(const std::string& name, size_t backends = 1) {
  ServiceMetrics made;
  made.name = name;
  made.counts.set(ServiceCount::kAccepted, 3);
  made.counts.set(ServiceCount::kBytesIn, 1000);
  made.certificateSecondsLeft = 86400;
  for (size_t i = 0; i < backends; ++i) {
    made.backends.push_back({.address = "10.0.0." + std::to_string(i) + ":80",
                             .name = "",
                             .up = true,
                             .ejected = false,
                             .checkFailed = false,
                             .tunnels = i});
  }
  return made;
}

MetricsInput filledInput() {
  MetricsInput input;
  CounterRegistry registry;
  CounterBlock& block = registry.addBlock();
  block.addCause(static_cast<size_t>(CloseCause::kTlsSent));
  block.addCause(static_cast<size_t>(CloseCause::kIdle));
  block.addAlert(AlertFrom::kClient, 48);
  block.addAlert(AlertFrom::kCulvert, 112);
  block.addState(0);
  block.add(Counter::kHandshakesTimeout, 4);
  input.counters = registry.snapshot();
  input.timings.get(Timing::kHandshakeFull).add(700);
  input.mailboxDepths = {0, 3};
  input.ticketKeyAges = {10, 3610};
  input.version = "1.2.3";
  input.tlsLibrary = "wolfSSL 5.9.2";
  input.configLoaded = 1796089234;
  input.configFingerprint = "abc";
  input.process.openFds = 12;
  input.services.push_back(service("web", 2));
  return input;
}

TEST(Prometheus, TheTextFollowsTheFormat) {
  MetricsInput input = filledInput();
  input.services.push_back(service("odd \"name\"\\\n"));
  EXPECT_EQ(metricsProblem(prometheusText(input)), "");
  EXPECT_EQ(metricsProblem(prometheusText({})), "");
}

TEST(Prometheus, TheCheckerFindsFaults) {
  const std::string head = "# HELP a b.\n# TYPE a counter\n";
  EXPECT_EQ(metricsProblem(head + "a 1\n"), "");
  for (const std::string& bad :
       {std::string("a 1\n"), head + "a 1\na 2\n", head + "b 1\n", head + "a 1", head + "a x\n",
        head + "a{b=\"c} 1\n", head + "a{b=\"c\\d\"} 1\n", head + head + "a 1\n",
        "# TYPE a counter\n# HELP a b.\na 1\n" + head, std::string("# TYPE a counter\na 1\n"),
        std::string("# HELP a b.\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} "
                    "1\na_sum 1\na_count 1\n"),
        std::string("# HELP a b.\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} "
                    "2\na_sum 1\na_count 3\n"),
        std::string("# HELP a b.\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_sum 1\na_count 2\n")})
    EXPECT_NE(metricsProblem(bad), "") << bad;
}

TEST(Prometheus, SaysWhatTheProcessIs) {
  const std::string text = prometheusText(filledInput());
  EXPECT_THAT(text, HasSubstr("\nculvert_build_info{version=\"1.2.3\",tls=\"wolfSSL 5.9.2\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("\nculvert_config_loaded_timestamp_seconds 1796089234\n"));
  EXPECT_THAT(text, HasSubstr("\nculvert_config_info{fingerprint=\"abc\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("\nprocess_open_fds 12\n"));
  EXPECT_THAT(text, HasSubstr("\nculvert_worker_mailbox_depth{worker=\"01\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("\nculvert_ticket_key_age_seconds{key=\"1\"} 3610\n"));
}

TEST(Prometheus, SaysWhyTunnelsAndHandshakesEnded) {
  const std::string text = prometheusText(filledInput());
  EXPECT_THAT(text, HasSubstr("\nculvert_tunnels_closed_by_cause_total{cause=\"tls-sent\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("{cause=\"idle\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("{cause=\"drain\"}")));
  EXPECT_THAT(text, HasSubstr("\nculvert_handshakes_failed_total{reason=\"timeout\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("\nculvert_handshakes_failed_timeout_total 4\n"));
  EXPECT_THAT(text, HasSubstr("\nculvert_alerts_total{alert=\"unknown_ca\",from=\"client\"} 1\n"));
  EXPECT_THAT(
      text, HasSubstr("\nculvert_alerts_total{alert=\"unrecognized_name\",from=\"culvert\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("\nculvert_tunnels{state=\"handshake\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("\nculvert_handshake_full_seconds_count 1\n"));
}

TEST(Prometheus, ServicesAndBackends) {
  MetricsInput input = filledInput();
  ServiceMetrics& web = input.services[0];
  web.state = ServiceState::kDegraded;
  web.backends[1].up = false;
  web.backends[1].name = "b.example";
  web.backends.push_back(web.backends[0]);  // named twice in the configuration
  ServiceMetrics plain = service("plain", 0);
  plain.certificateSecondsLeft.reset();
  input.services.push_back(plain);
  const std::string text = prometheusText(input);
  EXPECT_EQ(metricsProblem(text), "");
  EXPECT_THAT(text, HasSubstr("\nculvert_service_accepted_total{service=\"plain\"} 3\n"
                              "culvert_service_accepted_total{service=\"web\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("\nculvert_service_state{service=\"web\",state=\"degraded\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("\nculvert_backend_up{service=\"web\",backend=\"10.0.0.0:80\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("\nculvert_backend_up{service=\"web\",backend=\"10.0.0.1:80\","
                              "name=\"b.example\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("certificate_seconds_left{service=\"web\"} 86400\n"));
  EXPECT_THAT(text, Not(HasSubstr("certificate_seconds_left{service=\"plain\"}")));
  EXPECT_THAT(text, HasSubstr("\nculvert_services_not_listed 0\n"));
}

TEST(Prometheus, AServiceHasAtMostTwelveSeriesAndABackendFour) {
  MetricsInput input = filledInput();
  const size_t before = seriesOf(prometheusText(input)).size();
  input.services.push_back(service("more", 0));
  const size_t withService = seriesOf(prometheusText(input)).size();
  EXPECT_LE(withService - before, 12u);
  input.services.back() = service("more", 3);
  EXPECT_EQ(seriesOf(prometheusText(input)).size() - withService, 3 * 4u);
}

TEST(Prometheus, RestOfManyServicesIsSummed) {
  MetricsInput input = filledInput();
  input.services.clear();
  for (size_t i = 0; i < kMostListedServices + 5; ++i) {
    std::string number = std::to_string(i);
    input.services.push_back(service("s" + std::string(5 - number.size(), '0') + number));
  }
  input.services[kMostListedServices + 2].certificateSecondsLeft = -7;
  const std::string text = prometheusText(input);
  EXPECT_EQ(metricsProblem(text), "");
  EXPECT_THAT(text, HasSubstr("\nculvert_services_not_listed 5\n"));
  EXPECT_THAT(text, HasSubstr("\nculvert_service_accepted_total{service=\"_other\"} 15\n"));
  EXPECT_THAT(text, HasSubstr("certificate_seconds_left{service=\"_other\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("accepted_total{service=\"s00999\"} 3\n"));
  EXPECT_THAT(text, Not(HasSubstr("service=\"s01000\"")));
}

TEST(Prometheus, TenThousandServices) {
  MetricsInput input = filledInput();
  for (size_t i = 0; i < 10000; ++i)
    input.services.push_back(service("service" + std::to_string(i), 2));
  const auto begin = std::chrono::steady_clock::now();
  const std::string text = prometheusText(input);
  const auto took = std::chrono::steady_clock::now() - begin;
  std::cout << "10,000 services: " << text.size() << " bytes, " << seriesOf(text).size()
            << " series, " << std::chrono::duration_cast<std::chrono::microseconds>(took).count()
            << " us\n";
  EXPECT_EQ(metricsProblem(text), "");
  EXPECT_LT(text.size(), 4u << 20);
}

TEST(Prometheus, TheTableHasEveryMetricOnce) {
  const std::string table = metricsTable();
  std::istringstream text(prometheusText(filledInput()));
  std::set<std::string> names;
  for (std::string line; std::getline(text, line);) {
    if (!line.starts_with("# TYPE ")) continue;
    const std::string name = line.substr(7, line.find(' ', 7) - 7);
    EXPECT_TRUE(names.insert(name).second);
    EXPECT_THAT(table, HasSubstr("| `" + name + "` | " + line.substr(line.rfind(' ') + 1) + " |"));
  }
  size_t rows = 0;
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) rows += line.starts_with("| `") ? 1 : 0;
  EXPECT_EQ(rows, names.size());
}

TEST(Prometheus, ReadsTheProcess) {
  const ProcessInfo info = readProcessInfo();
  EXPECT_GT(info.residentBytes, 100'000u);
  EXPECT_GE(info.virtualBytes, info.residentBytes);
  EXPECT_GT(info.cpuSeconds, 0);
  EXPECT_GT(info.maxFds, 0u);
  ASSERT_TRUE(info.openFds);
  EXPECT_GE(*info.openFds, 3u);
  EXPECT_LE(*info.openFds, info.maxFds);
}

}  // namespace
}  // namespace culvert
