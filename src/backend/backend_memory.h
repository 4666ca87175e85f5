// SPDX-License-Identifier: GPL-3.0-or-later
// BackendMemory is what all tunnels of one service, on all workers, know of its backend's
// addresses: an AddressMemory behind a mutex. While no address is down, no thread locks the mutex.
// Thread: any.
#pragma once

#include <atomic>
#include <mutex>

#include "backend/address_memory.h"

namespace culvert {

class BackendMemory {
 public:
  /// See AddressMemory. `tried` are the addresses of the pass that the attempt belongs to.
  MaybeNews failed(const SocketAddress& address, int sysErrno, const AddressSet& tried,
                   TimePoint now);
  MaybeNews silent(const SocketAddress& address, int sysErrno, Millis waited,
                   const AddressSet& tried, TimePoint now);
  MaybeNews answered(const SocketAddress& address, TimePoint now);
  std::vector<AddressNews> overdue(TimePoint now);
  void order(AddressSet& addresses, TimePoint now);
  bool anyUp(const AddressSet& addresses) const;
  AddressReport report(const SocketAddress& address) const;

  /// The service has no address to try: its name has not been resolved.
  void unresolved();
  /// True if no address answers: from the failure of the last address until any address answers.
  bool down() const { return down_.load(std::memory_order_relaxed); }

 private:
  void note();  // call with the mutex held

  std::atomic<bool> calm_{true};  // the memory is empty and down() is false
  std::atomic<bool> down_{false};
  mutable std::mutex mutex_;
  AddressMemory memory_;  // guarded by mutex_
};

}  // namespace culvert
