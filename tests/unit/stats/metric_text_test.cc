// SPDX-License-Identifier: GPL-3.0-or-later
// The Prometheus text form: one HELP and TYPE for each metric, base units, escapes, histograms.
#include "stats/metric_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

namespace culvert {
namespace {

using testing::HasSubstr;

TEST(MetricText, SortsMetricsAndKeepsTheSamplesOfOneTogether) {
  MetricText out;
  out.metric("b", MetricType::kGauge, "second").sample({{"x", "1"}}, uint64_t{1});
  out.metric("a", MetricType::kCounter, "first").sample({}, 2.5);
  out.metric("b", MetricType::kGauge, "second").sample({{"x", "2"}, {"y", ""}}, uint64_t{3});
  EXPECT_EQ(out.text(),
            "# HELP a first.\n# TYPE a counter\na 2.5\n"
            "# HELP b second.\n# TYPE b gauge\nb{x=\"1\"} 1\nb{x=\"2\"} 3\n");
}

TEST(MetricText, EscapesLabelValues) {
  MetricText out;
  out.metric("a", MetricType::kGauge, "first").sample({{"x", "a\"b\\c\nd{},="}}, uint64_t{1});
  EXPECT_THAT(out.text(), HasSubstr(R"(a{x="a\"b\\c\nd{},="} 1)"
                                    "\n"));
}

TEST(MetricText, HistogramsAreCumulative) {
  TimingTotals totals;
  totals.add(16);
  totals.add(17);
  totals.add(200'000'000);
  MetricText out;
  out.metric("t_seconds", MetricType::kHistogram, "time").histogram(totals);
  const std::string text = out.text();
  EXPECT_THAT(text, HasSubstr("# TYPE t_seconds histogram\nt_seconds_bucket{le=\"0.000016\"} 1\n"
                              "t_seconds_bucket{le=\"0.000032\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("t_seconds_bucket{le=\"134.217728\"} 2\n"
                              "t_seconds_bucket{le=\"+Inf\"} 3\n"
                              "t_seconds_sum 200.000033\nt_seconds_count 3\n"));
}

TEST(MetricText, CountersHaveBaseUnits) {
  CounterSnapshot snapshot;
  snapshot.set(Counter::kBytesOutbound, 5);
  snapshot.set(Counter::kTunnelsActive, 2);
  snapshot.set(Counter::kLongestTurn, 1002003);
  snapshot.set(Counter::kMemoryBuffers, 4096);
  snapshot.set(Counter::kPayloadCopied, 6);
  MetricText out;
  addCounters(out, snapshot);
  const std::string text = out.text();
  EXPECT_THAT(text, HasSubstr("# HELP culvert_outbound_bytes_total payload bytes delivered to "
                              "clients.\n# TYPE culvert_outbound_bytes_total counter\n"
                              "culvert_outbound_bytes_total 5\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE culvert_tunnels_active gauge\nculvert_tunnels_active 2\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE culvert_longest_turn_seconds gauge\n"
                              "culvert_longest_turn_seconds 1.002003\n"));
  EXPECT_THAT(text, HasSubstr("\nculvert_memory_buffers_bytes 4096\n"));
  EXPECT_THAT(text, HasSubstr("\nculvert_payload_copied_bytes_total 6\n"));
}

TEST(MetricText, EveryCounterAndTimingIsThereOnce) {
  MetricText out;
  addCounters(out, CounterSnapshot{});
  addTimings(out, TimingSnapshot{});
  std::istringstream lines(out.text());
  std::set<std::string> series;
  size_t types = 0;
  for (std::string line; std::getline(lines, line);) {
    types += line.starts_with("# TYPE ") ? 1 : 0;
    if (line.starts_with("#")) continue;
    EXPECT_TRUE(series.insert(line.substr(0, line.rfind(' '))).second) << line;
  }
  EXPECT_EQ(types, kCounterCount + kTimingCount);
  EXPECT_EQ(series.size(), kCounterCount + kTimingCount * (kTimingBuckets + 2));
}

}  // namespace
}  // namespace culvert
