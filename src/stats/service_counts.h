// SPDX-License-Identifier: GPL-3.0-or-later
// ServiceCounts are the numbers of one service, declared in service_counts.def. Each worker has its
// own cell, so counting needs no locked instructions. They exist only if metrics or admin is set.
// Thread: see each class.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "stats/counters.h"
#include "stats/tally.h"

namespace culvert {

enum class ServiceCount : uint8_t {
#define SERVICE_COUNT(ident, name, kind, unit, brief, detail) k##ident,
#include "stats/service_counts.def"
#undef SERVICE_COUNT
  kCount
};
inline constexpr size_t kServiceCountCount = static_cast<size_t>(ServiceCount::kCount);
const CounterInfo& serviceCountInfo(ServiceCount count);

/// The numbers of one service on one worker. Thread: one writer, any reader.
class alignas(64) ServiceCell {
 public:
  Tally& of(ServiceCount count) { return tallies_[static_cast<size_t>(count)]; }
  const Tally& of(ServiceCount count) const { return tallies_[static_cast<size_t>(count)]; }
  void add(ServiceCount count, uint64_t amount = 1) { of(count).add(amount); }

 private:
  std::array<Tally, kServiceCountCount> tallies_;
};

/// The numbers of one service, summed over the workers. Thread: one owner.
struct ServiceTotals {
  std::array<uint64_t, kServiceCountCount> values{};
  uint64_t get(ServiceCount count) const { return values[static_cast<size_t>(count)]; }
  void set(ServiceCount count, uint64_t value) { values[static_cast<size_t>(count)] = value; }
  void merge(const ServiceTotals& other) {
    for (size_t i = 0; i < values.size(); ++i) values[i] += other.values[i];
  }
};

/// Thread: any; each cell has one writer.
class ServiceCounts {
 public:
  static constexpr size_t kMostWriters = 256;  ///< the largest value of `workers`

  ServiceCounts() = default;
  ~ServiceCounts();
  ServiceCounts(const ServiceCounts&) = delete;
  ServiceCounts& operator=(const ServiceCounts&) = delete;

  /// The cell of a worker; its first call makes it. `writer` is the worker's index. Only that worker
  /// may call this, and may write to the cell. The cell is valid as long as this object.
  ServiceCell& cell(size_t writer);
  ServiceTotals totals() const;

 private:
  // Groups of cells, so that a service of few workers has few pointers.
  static constexpr size_t kGroup = 16;
  using Group = std::array<std::atomic<ServiceCell*>, kGroup>;
  std::array<std::atomic<Group*>, kMostWriters / kGroup> groups_{};
};

/// Finds the numbers of a service by its name, so that a reloaded service continues with them. Keeps
/// weak references: when neither a configuration nor a tunnel uses the numbers, they are gone.
/// Thread: any.
class ServiceCountsTable {
 public:
  struct Row {
    std::string service;
    ServiceTotals totals;
  };

  std::shared_ptr<ServiceCounts> of(std::string_view service);
  /// The numbers of all services that exist, or still have tunnels, sorted by name.
  std::vector<Row> rows() const;
  /// How many names are kept, also of services that are gone. For tests.
  size_t names() const;

 private:
  static constexpr size_t kFewServices = 64;
  mutable std::mutex mutex_;
  size_t forgetAt_ = kFewServices;  // the size at which names of services that are gone are removed
  std::map<std::string, std::weak_ptr<ServiceCounts>, std::less<>> services_;
};

}  // namespace culvert
