// SPDX-License-Identifier: GPL-3.0-or-later
// See service_counts.h.
#include "stats/service_counts.h"

#include <iterator>
#include <utility>

#include "base/check.h"

namespace culvert {

namespace {

struct ServiceCountTable {
  using enum CounterKind;
  using enum CounterUnit;
  static constexpr CounterInfo kRows[] = {
#define SERVICE_COUNT(ident, name, kind, unit, brief, detail) {name, kind, unit, brief, detail},
#include "stats/service_counts.def"
#undef SERVICE_COUNT
  };
};
static_assert(std::size(ServiceCountTable::kRows) == kServiceCountCount);

/// Returns what `slot` points to, and makes it first if it is nullptr. `slot` may get its value from
/// several threads at once.
template <class T>
T& madeOnce(std::atomic<T*>& slot) {
  if (T* made = slot.load(std::memory_order_acquire)) return *made;
  auto fresh = std::make_unique<T>();
  T* expected = nullptr;
  if (slot.compare_exchange_strong(expected, fresh.get(), std::memory_order_acq_rel))
    return *fresh.release();
  return *expected;
}

}  // namespace

const CounterInfo& serviceCountInfo(ServiceCount count) {
  return ServiceCountTable::kRows[static_cast<size_t>(count)];
}

ServiceCounts::~ServiceCounts() {
  for (auto& slot : groups_) {
    const std::unique_ptr<Group> group(slot.load());
    if (group == nullptr) continue;
    for (auto& cell : *group) delete cell.load();
  }
}

ServiceCell& ServiceCounts::cell(size_t writer) {
  CULVERT_CHECK(writer < kMostWriters);
  return madeOnce(madeOnce(groups_[writer / kGroup])[writer % kGroup]);
}

ServiceTotals ServiceCounts::totals() const {
  ServiceTotals sum;
  for (const auto& slot : groups_) {
    const Group* group = slot.load(std::memory_order_acquire);
    if (group == nullptr) continue;
    for (const auto& one : *group) {
      const ServiceCell* cell = one.load(std::memory_order_acquire);
      if (cell == nullptr) continue;
      for (size_t i = 0; i < kServiceCountCount; ++i)
        sum.values[i] += cell->of(static_cast<ServiceCount>(i)).get();
    }
  }
  return sum;
}

std::shared_ptr<ServiceCounts> ServiceCountsTable::of(std::string_view service) {
  const std::lock_guard lock(mutex_);
  const auto found = services_.find(service);
  if (found != services_.end()) {
    if (auto known = found->second.lock()) return known;
  }
  if (services_.size() >= forgetAt_) {
    std::erase_if(services_, [](const auto& entry) { return entry.second.expired(); });
    forgetAt_ = 2 * services_.size() + kFewServices;
  }
  auto made = std::make_shared<ServiceCounts>();
  services_.insert_or_assign(std::string(service), made);
  return made;
}

std::vector<ServiceCountsTable::Row> ServiceCountsTable::rows() const {
  std::vector<Row> all;
  const std::lock_guard lock(mutex_);
  all.reserve(services_.size());
  for (const auto& [name, counts] : services_) {
    if (const auto alive = counts.lock()) all.push_back({name, alive->totals()});
  }
  return all;
}

size_t ServiceCountsTable::names() const {
  const std::lock_guard lock(mutex_);
  return services_.size();
}

}  // namespace culvert
