// SPDX-License-Identifier: GPL-3.0-or-later
// MetricText writes metrics in the Prometheus text exposition format 0.0.4: sorted by name, each
// with one HELP and one TYPE. Thread: one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "stats/counters.h"

namespace culvert {

enum class MetricType : uint8_t { kCounter, kGauge, kHistogram };
std::string_view metricTypeName(MetricType type);

struct MetricLabel {
  std::string_view name;
  std::string_view value;
};
using MetricLabels = std::initializer_list<MetricLabel>;

class MetricText {
 public:
  MetricText() = default;
  MetricText(const MetricText&) = delete;
  MetricText& operator=(const MetricText&) = delete;

  /// The samples that follow belong to the metric `name`. `brief` is one line without a full stop.
  /// A metric may be begun again; then more samples are added to it. The caller does not repeat a
  /// series.
  MetricText& metric(std::string_view name, MetricType type, std::string_view brief);

  /// Adds a sample. A label with an empty value is left out, which means the same.
  MetricText& sample(MetricLabels labels, uint64_t value);
  MetricText& sample(MetricLabels labels, double value);
  /// Adds a sample in seconds.
  MetricText& micros(MetricLabels labels, uint64_t value);
  /// Adds the samples of a histogram.
  MetricText& histogram(const TimingTotals& totals);

  /// The whole text.
  std::string text() const;

 private:
  struct Metric {
    std::string head;
    std::string samples;
  };
  void begin(std::string_view suffix, std::span<const MetricLabel> labels);

  std::map<std::string, Metric, std::less<>> metrics_;
  std::string_view name_;  // of the current metric, in metrics_
  std::string* out_ = nullptr;
};

/// The name in Prometheus of a counter that is called `stem` there: base units, and _total for
/// counters that only increase.
std::string metricName(std::string_view prefix, const CounterInfo& info);
MetricType metricTypeOf(CounterKind kind);

/// Adds one metric for each Counter.
void addCounters(MetricText& out, const CounterSnapshot& snapshot);
/// Adds one histogram for each Timing.
void addTimings(MetricText& out, const TimingSnapshot& snapshot);
std::string metricName(Timing timing);

}  // namespace culvert
