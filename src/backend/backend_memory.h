// SPDX-License-Identifier: GPL-3.0-or-later
// BackendMemory is an AddressMemory behind a mutex. All tunnels of one service, on all workers,
// share it. While no address is down, no thread locks the mutex. Thread: any.
#pragma once

#include <atomic>
#include <mutex>

#include "backend/address_memory.h"

namespace culvert {

class BackendMemory {
 public:
  /// These functions call those of AddressMemory with the mutex held. `tried` contains all
  /// addresses of the pass to which the failed attempt belongs.
  MaybeNews failed(const SocketAddress& address, int sysErrno, const AddressSet& tried,
                   TimePoint now);
  MaybeNews silent(const SocketAddress& address, int sysErrno, Millis waited,
                   const AddressSet& tried, TimePoint now);
  MaybeNews answered(const SocketAddress& address, TimePoint now);
  std::vector<AddressNews> overdue(TimePoint now);
  void order(AddressSet& addresses, TimePoint now);
  bool anyUp(const AddressSet& addresses) const;
  AddressReport report(const SocketAddress& address) const;

  /// Call if the service has no address to try, because no name has been resolved.
  void unresolved();
  /// True while the backend is down, from the failure of its last working address until any address
  /// answers.
  bool down() const { return down_.load(std::memory_order_relaxed); }

 private:
  void note();  // call with the mutex held

  std::atomic<bool> calm_{true};  // the memory is empty and down() is false
  std::atomic<bool> down_{false};
  mutable std::mutex mutex_;
  AddressMemory memory_;  // guarded by mutex_
};

}  // namespace culvert
