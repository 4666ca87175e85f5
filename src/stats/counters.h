// SPDX-License-Identifier: GPL-3.0-or-later
// Counters of culvert, declared in counters.def. Each thread has its own CounterBlock and is the
// only writer of that block, so counting needs no locked instructions. A CounterRegistry sums the
// blocks on request. Thread: see each class.
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

/// The maximum number of close causes. The tunnel layer numbers the causes.
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

/// The counters of one thread. Thread: one writer; any thread may call get(), or read the block
/// through the CounterRegistry.
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

  /// Counts a tunnel that ended with the close cause of this number. A number of kMaxCauses or more
  /// counts as the last cause.
  void addCause(size_t cause) { bump(causes_[cause < kMaxCauses ? cause : kMaxCauses - 1], 1); }
  uint64_t cause(size_t cause) const {
    return cause < kMaxCauses ? causes_[cause].load(std::memory_order_relaxed) : 0;
  }

 private:
  static constexpr size_t index(Counter counter) { return static_cast<size_t>(counter); }
  // A load and a store replace fetch_add, which would need a locked instruction. The replacement is
  // safe, because the block has only one writer.
  static void bump(std::atomic<uint64_t>& value, uint64_t amount) {
    value.store(value.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }

  std::array<std::atomic<uint64_t>, kCounterCount> values_{};
  std::array<std::atomic<uint64_t>, kMaxCauses> causes_{};
};

/// The sum of all CounterBlocks. Each value is exact, but the values are not read at the same
/// instant. Thread: one owner.
class CounterSnapshot {
 public:
  uint64_t get(Counter counter) const { return values_[static_cast<size_t>(counter)]; }
  /// Sets a value that is counted elsewhere, for example by the logger.
  void set(Counter counter, uint64_t value) { values_[static_cast<size_t>(counter)] = value; }
  uint64_t cause(size_t cause) const { return cause < kMaxCauses ? causes_[cause] : 0; }
  /// Adds the values of a block to the snapshot. Sums counters and gauges, and takes the larger
  /// value for kGaugeMax. If one thread raised a gauge and another thread lowered it, the sum is
  /// still right (modulo 2^64).
  void merge(const CounterBlock& block);

 private:
  std::array<uint64_t, kCounterCount> values_{};
  std::array<uint64_t, kMaxCauses> causes_{};
};

/// Owns the CounterBlocks of all threads. A block stays in the registry after its thread has ended,
/// so that totals never decrease. Thread: any.
class CounterRegistry {
 public:
  /// Creates a block for one thread. The block is valid until the registry is destroyed.
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

/// Returns all counters in the order of counters.def, then `closed_by_cause.<cause>` for each close
/// cause that occurred. `causeNames` is indexed by the number of the cause.
std::vector<NamedCount> namedCounts(const CounterSnapshot& snapshot,
                                    std::span<const std::string_view> causeNames = {});

/// Returns the counters in the Prometheus text exposition format 0.0.4.
std::string toPrometheus(const CounterSnapshot& snapshot,
                         std::span<const std::string_view> causeNames = {});

}  // namespace culvert
