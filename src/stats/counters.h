// SPDX-License-Identifier: GPL-3.0-or-later
// One CounterBlock for each thread, written by that thread alone without locked instructions, and a
// CounterRegistry that sums the blocks on request. counters.def is the list. Thread: see each
// class.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

enum class Counter : uint16_t {
#define COUNTER(ident, name, kind, unit, brief, detail) k##ident,
#include "stats/counters.def"
#undef COUNTER
  kCount
};

inline constexpr size_t kCounterCount = static_cast<size_t>(Counter::kCount);

/// Room for the close causes, which the tunnel layer numbers.
inline constexpr size_t kMaxCauses = 64;

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

/// The counters of one thread. Thread: one writer; get() and the registry from any.
class alignas(64) CounterBlock {
 public:
  void add(Counter counter, uint64_t amount = 1) { bump(values_[index(counter)], amount); }
  void sub(Counter counter, uint64_t amount = 1) { bump(values_[index(counter)], 0 - amount); }
  void set(Counter counter, uint64_t value) {
    values_[index(counter)].store(value, std::memory_order_relaxed);
  }
  uint64_t get(Counter counter) const {
    return values_[index(counter)].load(std::memory_order_relaxed);
  }

  /// A tunnel ended with the close cause of this number; numbers from kMaxCauses on count as the
  /// last.
  void addCause(size_t cause) { bump(causes_[cause < kMaxCauses ? cause : kMaxCauses - 1], 1); }
  uint64_t cause(size_t cause) const {
    return cause < kMaxCauses ? causes_[cause].load(std::memory_order_relaxed) : 0;
  }

 private:
  static constexpr size_t index(Counter counter) { return static_cast<size_t>(counter); }
  // There is one writer, so a load and a store replace fetch_add, without the locked instruction.
  static void bump(std::atomic<uint64_t>& value, uint64_t amount) {
    value.store(value.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }

  std::array<std::atomic<uint64_t>, kCounterCount> values_{};
  std::array<std::atomic<uint64_t>, kMaxCauses> causes_{};
};

/// The sum of all blocks (each value is exact, but they are not read at the same instant). Thread:
/// one owner.
class CounterSnapshot {
 public:
  uint64_t get(Counter counter) const { return values_[static_cast<size_t>(counter)]; }
  /// For values that are counted elsewhere (the logger's own counts).
  void set(Counter counter, uint64_t value) { values_[static_cast<size_t>(counter)] = value; }
  uint64_t cause(size_t cause) const { return cause < kMaxCauses ? causes_[cause] : 0; }
  /// Adds a block: counters and gauges are summed, kGaugeMax takes the larger value. A gauge that
  /// one thread raised and another lowered still has the right sum, modulo 2^64.
  void merge(const CounterBlock& block);

 private:
  std::array<uint64_t, kCounterCount> values_{};
  std::array<uint64_t, kMaxCauses> causes_{};
};

/// Owns the blocks. They stay after their threads end, so that totals never fall. Thread: any.
class CounterRegistry {
 public:
  /// A new block for one thread; valid as long as the registry.
  CounterBlock& addBlock();
  CounterSnapshot snapshot() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<CounterBlock>> blocks_;
};

struct NamedCount {
  std::string name;
  uint64_t value;
};

/// All counters in the order of the list, then `closed_by_cause.<cause>` for each cause that
/// occurred. `causeNames` is indexed by cause number.
std::vector<NamedCount> namedCounts(const CounterSnapshot& snapshot,
                                    std::span<const std::string_view> causeNames = {});

/// Prometheus text exposition format 0.0.4.
std::string toPrometheus(const CounterSnapshot& snapshot,
                         std::span<const std::string_view> causeNames = {});

}  // namespace culvert
