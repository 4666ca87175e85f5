// SPDX-License-Identifier: GPL-3.0-or-later
// See backend_memory.h.
#include "backend/backend_memory.h"

namespace culvert {

void BackendMemory::note() { calm_.store(memory_.empty() && !down(), std::memory_order_relaxed); }

MaybeNews BackendMemory::failed(const SocketAddress& address, int sysErrno, const AddressSet& tried,
                                TimePoint now) {
  const std::lock_guard lock(mutex_);
  auto news = memory_.failed(address, sysErrno, now);
  down_.store(!memory_.anyUp(tried), std::memory_order_relaxed);
  note();
  return news;
}

MaybeNews BackendMemory::silent(const SocketAddress& address, int sysErrno, Millis waited,
                                const AddressSet& tried, TimePoint now) {
  const std::lock_guard lock(mutex_);
  auto news = memory_.silent(address, sysErrno, waited, now);
  down_.store(!memory_.anyUp(tried), std::memory_order_relaxed);
  note();
  return news;
}

MaybeNews BackendMemory::answered(const SocketAddress& address, TimePoint now) {
  if (calm_.load(std::memory_order_relaxed)) return {};
  const std::lock_guard lock(mutex_);
  auto news = memory_.answered(address, now);
  down_.store(false, std::memory_order_relaxed);
  note();
  return news;
}

std::vector<AddressNews> BackendMemory::overdue(TimePoint now) {
  if (calm_.load(std::memory_order_relaxed)) return {};
  const std::lock_guard lock(mutex_);
  auto news = memory_.overdue(now);
  note();
  return news;
}

void BackendMemory::order(AddressSet& addresses, TimePoint now) {
  if (addresses.size() < 2 || calm_.load(std::memory_order_relaxed)) return;
  const std::lock_guard lock(mutex_);
  memory_.order(addresses, now);
}

bool BackendMemory::anyUp(const AddressSet& addresses) const {
  const std::lock_guard lock(mutex_);
  return memory_.anyUp(addresses);
}

AddressReport BackendMemory::report(const SocketAddress& address) const {
  const std::lock_guard lock(mutex_);
  return memory_.report(address);
}

void BackendMemory::unresolved() {
  const std::lock_guard lock(mutex_);
  down_.store(true, std::memory_order_relaxed);
  note();
}

}  // namespace culvert
