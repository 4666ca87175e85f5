// SPDX-License-Identifier: GPL-3.0-or-later
#include "stats/counters.h"

#include <fmt/format.h>

#include <algorithm>
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

void appendHelp(std::string& out, std::string_view name, std::string_view brief, bool counter) {
  fmt::format_to(std::back_inserter(out), "# HELP {} {}.\n# TYPE {} {}\n", name, brief, name,
                 counter ? "counter" : "gauge");
}

// Appends a Prometheus label value, with backslash, quote and newline escaped (text format 0.0.4).
void appendLabel(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
}

// Calls visit(name, count) for each close cause that occurred. A name such as "tls-sent:" is passed
// without its colon, because one number counts all details of the cause.
template <class Visit>
void forEachCause(const CounterSnapshot& snapshot, std::span<const std::string_view> names,
                  Visit visit) {
  for (size_t i = 0; i < std::min(names.size(), kMaxCauses); ++i) {
    if (snapshot.cause(i) == 0) continue;
    const std::string_view name = names[i];
    visit(name.ends_with(':') ? name.substr(0, name.size() - 1) : name, snapshot.cause(i));
  }
}

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
}

CounterBlock& CounterRegistry::addBlock() {
  const std::lock_guard lock(mutex_);
  return *blocks_.emplace_back(std::make_unique<CounterBlock>());
}

CounterSnapshot CounterRegistry::snapshot() const {
  CounterSnapshot sum;
  const std::lock_guard lock(mutex_);
  for (const auto& block : blocks_) sum.merge(*block);
  return sum;
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

std::string toPrometheus(const CounterSnapshot& snapshot,
                         std::span<const std::string_view> causeNames) {
  std::string out;
  for (size_t i = 0; i < kCounterCount; ++i) {
    const CounterInfo& info = kTable[i];
    const uint64_t value = snapshot.get(static_cast<Counter>(i));
    std::string_view stem = info.name;
    if (info.unit == kMicros) stem.remove_suffix(3);  // no "_us": Prometheus uses seconds
    const std::string name =
        fmt::format("culvert_{}{}{}", stem, info.unit == kMicros ? "_seconds" : "",
                    info.kind == kCounter ? "_total" : "");
    appendHelp(out, name, info.brief, info.kind == kCounter);
    if (info.unit == kMicros) {
      fmt::format_to(std::back_inserter(out), "{} {}.{:06}\n", name, value / 1000000,
                     value % 1000000);
    } else {
      fmt::format_to(std::back_inserter(out), "{} {}\n", name, value);
    }
  }
  constexpr std::string_view kByCause = "culvert_tunnels_closed_by_cause_total";
  appendHelp(out, kByCause, "tunnels ended, by cause", true);
  forEachCause(snapshot, causeNames, [&](std::string_view name, uint64_t count) {
    fmt::format_to(std::back_inserter(out), "{}{{cause=\"", kByCause);
    appendLabel(out, name);
    fmt::format_to(std::back_inserter(out), "\"}} {}\n", count);
  });
  return out;
}

}  // namespace culvert
