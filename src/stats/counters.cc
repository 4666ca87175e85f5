// SPDX-License-Identifier: GPL-3.0-or-later
#include "stats/counters.h"

#include <iterator>
#include <utility>

namespace culvert {

namespace {

constexpr auto kCounter = CounterKind::kCounter;
constexpr auto kGauge = CounterKind::kGauge;
constexpr auto kGaugeMax = CounterKind::kGaugeMax;
constexpr auto kNone = CounterUnit::kNone;
constexpr auto kBytes = CounterUnit::kBytes;
constexpr auto kMicros = CounterUnit::kMicros;

constexpr CounterInfo kTable[] = {
#define COUNTER(ident, name, kind, unit, brief, detail) {name, kind, unit, brief, detail},
#include "stats/counters.def"
#undef COUNTER
};
static_assert(std::size(kTable) == kCounterCount);

// Checks that the names are unique and have only characters that are allowed in log keys and
// Prometheus names.
constexpr bool namesAreSound() {
  for (size_t i = 0; i < kCounterCount; ++i) {
    for (const char c : kTable[i].name) {
      if (!((c >= 'a' && c <= 'z') || c == '_')) return false;
    }
    if (kTable[i].name.empty() || kTable[i].brief.empty()) return false;
    if (kTable[i].unit == kMicros && !kTable[i].name.ends_with("_us")) return false;
    for (size_t j = 0; j < i; ++j) {
      if (kTable[i].name == kTable[j].name) return false;
    }
  }
  return true;
}
static_assert(namesAreSound());

}  // namespace

const CounterInfo& counterInfo(Counter counter) { return kTable[static_cast<size_t>(counter)]; }

void CounterSnapshot::merge(const CounterBlock& block) {
  for (size_t i = 0; i < kCounterCount; ++i) {
    const uint64_t value = block.get(static_cast<Counter>(i));
    if (kTable[i].kind == kGaugeMax) {
      values_[i] = std::max(values_[i], value);
    } else {
      values_[i] += value;
    }
  }
  for (size_t i = 0; i < kMaxCauses; ++i) causes_[i] += block.cause(i);
  for (size_t i = 0; i < kMaxStates; ++i) states_[i] += block.state(i);
  for (const AlertFrom from : {AlertFrom::kClient, AlertFrom::kCulvert})
    for (uint8_t i = 0; i < kMaxAlerts; ++i)
      alerts_[static_cast<size_t>(from)][i] += block.alert(from, i);
}

std::vector<NamedCount> namedCounts(const CounterSnapshot& snapshot,
                                    std::span<const std::string_view> causeNames) {
  std::vector<NamedCount> out;
  for (size_t i = 0; i < kCounterCount; ++i)
    out.push_back({std::string(kTable[i].name), snapshot.get(static_cast<Counter>(i))});
  forEachCause(snapshot, causeNames, [&](std::string_view name, uint64_t count) {
    out.push_back({"closed_by_cause." + std::string(name), count});
  });
  return out;
}

}  // namespace culvert
