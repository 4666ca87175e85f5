// SPDX-License-Identifier: GPL-3.0-or-later
// See metric_text.h.
#include "stats/metric_text.h"

#include <fmt/format.h>

#include <iterator>

namespace culvert {

namespace {

/// Appends a label value, with backslash, quote and newline escaped.
void appendLabelValue(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
}

void appendSeconds(std::string& out, uint64_t micros) {
  fmt::format_to(std::back_inserter(out), "{}.{:06}", micros / 1000000, micros % 1000000);
}

}  // namespace

std::string_view metricTypeName(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return "counter";
    case MetricType::kGauge:
      return "gauge";
    case MetricType::kHistogram:
      break;
  }
  return "histogram";
}

MetricText& MetricText::metric(std::string_view name, MetricType type, std::string_view brief) {
  auto found = metrics_.find(name);
  if (found == metrics_.end()) {
    Metric made;
    made.head =
        fmt::format("# HELP {} {}.\n# TYPE {} {}\n", name, brief, name, metricTypeName(type));
    found = metrics_.emplace(std::string(name), std::move(made)).first;
  }
  name_ = found->first;
  out_ = &found->second.samples;
  return *this;
}

void MetricText::begin(std::string_view suffix, std::span<const MetricLabel> labels) {
  *out_ += name_;
  *out_ += suffix;
  char open = '{';
  for (const MetricLabel& label : labels) {
    if (label.value.empty()) continue;
    *out_ += open;
    *out_ += label.name;
    *out_ += "=\"";
    appendLabelValue(*out_, label.value);
    *out_ += '"';
    open = ',';
  }
  *out_ += open == ',' ? "} " : " ";
}

MetricText& MetricText::sample(MetricLabels labels, uint64_t value) {
  begin("", labels);
  fmt::format_to(std::back_inserter(*out_), "{}\n", value);
  return *this;
}

MetricText& MetricText::sample(MetricLabels labels, double value) {
  begin("", labels);
  fmt::format_to(std::back_inserter(*out_), "{}\n", value);
  return *this;
}

MetricText& MetricText::micros(MetricLabels labels, uint64_t value) {
  begin("", labels);
  appendSeconds(*out_, value);
  *out_ += '\n';
  return *this;
}

MetricText& MetricText::histogram(const TimingTotals& totals) {
  uint64_t below = 0;
  std::string limit;
  for (size_t i = 0; i < kTimingBuckets; ++i) {
    limit.clear();
    if (i < kTimingLimits)
      appendSeconds(limit, timingLimitMicros(i));
    else
      limit = "+Inf";
    below += totals.bucket(i);
    const MetricLabel label{"le", limit};
    begin("_bucket", {&label, 1});
    fmt::format_to(std::back_inserter(*out_), "{}\n", below);
  }
  begin("_sum", {});
  appendSeconds(*out_, totals.sumMicros());
  *out_ += '\n';
  begin("_count", {});
  fmt::format_to(std::back_inserter(*out_), "{}\n", below);
  return *this;
}

std::string MetricText::text() const {
  size_t size = 0;
  for (const auto& [name, metric] : metrics_) size += metric.head.size() + metric.samples.size();
  std::string all;
  all.reserve(size);
  for (const auto& [name, metric] : metrics_) {
    all += metric.head;
    all += metric.samples;
  }
  return all;
}

std::string metricName(std::string_view prefix, const CounterInfo& info) {
  std::string_view stem = info.name;
  std::string_view unit;
  if (info.unit == CounterUnit::kMicros) {
    stem.remove_suffix(3);  // no "_us": Prometheus uses seconds
    unit = "_seconds";
  } else if (info.unit == CounterUnit::kBytes && stem.find("bytes") == std::string_view::npos) {
    unit = "_bytes";
  }
  return fmt::format("{}{}{}{}", prefix, stem, unit,
                     info.kind == CounterKind::kCounter ? "_total" : "");
}

std::string metricName(Timing timing) {
  return fmt::format("culvert_{}_seconds", timingInfo(timing).name);
}

MetricType metricTypeOf(CounterKind kind) {
  return kind == CounterKind::kCounter ? MetricType::kCounter : MetricType::kGauge;
}

void addCounters(MetricText& out, const CounterSnapshot& snapshot) {
  for (size_t i = 0; i < kCounterCount; ++i) {
    const auto counter = static_cast<Counter>(i);
    const CounterInfo& info = counterInfo(counter);
    out.metric(metricName("culvert_", info), metricTypeOf(info.kind), info.brief);
    if (info.unit == CounterUnit::kMicros)
      out.micros({}, snapshot.get(counter));
    else
      out.sample({}, snapshot.get(counter));
  }
}

void addTimings(MetricText& out, const TimingSnapshot& snapshot) {
  for (size_t i = 0; i < kTimingCount; ++i) {
    const auto timing = static_cast<Timing>(i);
    out.metric(metricName(timing), MetricType::kHistogram, timingInfo(timing).brief)
        .histogram(snapshot.get(timing));
  }
}

}  // namespace culvert
