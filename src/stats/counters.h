// SPDX-License-Identifier: GPL-3.0-or-later
// Counters of culvert, declared in counters.def. Each thread has its own CounterBlock and is the
// only writer of that block, so counting needs no locked instructions. A CounterRegistry
// (counter_registry.h) sums the blocks on request. Thread: see each class.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stats/tally.h"
#include "stats/timings.h"

namespace culvert {

enum class Counter : uint16_t {
#define COUNTER(ident, name, kind, unit, brief, detail) k##ident,
#include "stats/counters.def"
#undef COUNTER
  kCount
};

inline constexpr size_t kCounterCount = static_cast<size_t>(Counter::kCount);

/// The maximum number of close causes, and of states of a tunnel. The tunnel layer numbers both.
inline constexpr size_t kMaxCauses = 64;
inline constexpr size_t kMaxStates = 8;

/// One more than the largest number of a TLS alert.
inline constexpr size_t kMaxAlerts = 121;
enum class AlertFrom : uint8_t { kClient, kCulvert };

enum class CounterKind : uint8_t { kCounter, kGauge, kGaugeMax };
enum class CounterUnit : uint8_t { kNone, kBytes, kMicros };

struct CounterInfo {
  std::string_view name;
  CounterKind kind;
  CounterUnit unit;
  std::string_view brief;
  std::string_view detail;
};

const CounterInfo& counterInfo(Counter counter);

/// The counters of one thread. Thread: one writer; any thread may call get(), or read the block
/// through the CounterRegistry.
class alignas(64) CounterBlock {
 public:
  void add(Counter counter, uint64_t amount = 1) { of(counter).add(amount); }
  void sub(Counter counter, uint64_t amount = 1) { of(counter).sub(amount); }
  void set(Counter counter, uint64_t value) { of(counter).set(value); }
  uint64_t get(Counter counter) const { return values_[index(counter)].get(); }
  /// The value itself, for a writer that adds to it often.
  Tally& of(Counter counter) { return values_[index(counter)]; }

  /// Counts a tunnel that ended with the close cause of this number. A number of kMaxCauses or more
  /// counts as the last cause.
  void addCause(size_t cause) { causes_[cause < kMaxCauses ? cause : kMaxCauses - 1].add(); }
  uint64_t cause(size_t cause) const { return cause < kMaxCauses ? causes_[cause].get() : 0; }

  /// Counts an alert that ended TLS with a client.
  void addAlert(AlertFrom from, uint8_t number) {
    alerts_[static_cast<size_t>(from)][std::min<size_t>(number, kMaxAlerts - 1)].add();
  }
  uint64_t alert(AlertFrom from, uint8_t number) const {
    return number < kMaxAlerts ? alerts_[static_cast<size_t>(from)][number].get() : 0;
  }

  /// Counts the tunnels that are in the state of this number, which is below kMaxStates.
  void addState(size_t state) { states_[state].add(); }
  void subState(size_t state) { states_[state].sub(); }
  uint64_t state(size_t state) const { return states_[state].get(); }

  /// Where this thread records times; nullptr while culvert measures none. Thread: any.
  TimingBlock* timings() const { return timings_.load(std::memory_order_acquire); }
  void record(Timing timing, Clock::duration time) {
    if (TimingBlock* block = timings()) block->record(timing, time);
  }

 private:
  friend class CounterRegistry;
  static constexpr size_t index(Counter counter) { return static_cast<size_t>(counter); }

  std::array<Tally, kCounterCount> values_;
  std::array<Tally, kMaxCauses> causes_;
  std::array<Tally, kMaxStates> states_;
  std::array<std::array<Tally, kMaxAlerts>, 2> alerts_;
  std::atomic<TimingBlock*> timings_{nullptr};
};

/// The sum of all CounterBlocks. Each value is exact, but the values are not read at the same
/// instant. Thread: one owner.
class CounterSnapshot {
 public:
  uint64_t get(Counter counter) const { return values_[static_cast<size_t>(counter)]; }
  /// Sets a value that is counted elsewhere, for example by the logger.
  void set(Counter counter, uint64_t value) { values_[static_cast<size_t>(counter)] = value; }
  uint64_t cause(size_t cause) const { return cause < kMaxCauses ? causes_[cause] : 0; }
  /// How many tunnels are in the state of this number.
  uint64_t state(size_t state) const { return states_[state]; }
  uint64_t alert(AlertFrom from, uint8_t number) const {
    return number < kMaxAlerts ? alerts_[static_cast<size_t>(from)][number] : 0;
  }
  /// Adds the values of a block to the snapshot. Sums counters and gauges, and takes the larger
  /// value for kGaugeMax. If one thread raised a gauge and another thread lowered it, the sum is
  /// still right (modulo 2^64).
  void merge(const CounterBlock& block);

 private:
  std::array<uint64_t, kCounterCount> values_{};
  std::array<uint64_t, kMaxCauses> causes_{};
  std::array<uint64_t, kMaxStates> states_{};
  std::array<std::array<uint64_t, kMaxAlerts>, 2> alerts_{};
};

struct NamedCount {
  std::string name;
  uint64_t value;
};

/// Returns all counters in the order of counters.def, then `closed_by_cause.<cause>` for each close
/// cause that occurred. `causeNames` is indexed by the number of the cause.
std::vector<NamedCount> namedCounts(const CounterSnapshot& snapshot,
                                    std::span<const std::string_view> causeNames = {});

/// Calls visit(name, count) for each close cause that occurred. A name such as "tls-sent:" is passed
/// without its colon, because one number counts all details of the cause.
template <class Visit>
void forEachCause(const CounterSnapshot& snapshot, std::span<const std::string_view> names,
                  Visit visit) {
  for (size_t i = 0; i < std::min(names.size(), kMaxCauses); ++i) {
    if (snapshot.cause(i) == 0) continue;
    const std::string_view name = names[i];
    visit(name.ends_with(':') ? name.substr(0, name.size() - 1) : name, snapshot.cause(i));
  }
}

}  // namespace culvert
