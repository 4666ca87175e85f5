// SPDX-License-Identifier: GPL-3.0-or-later
// Drain stops the daemon: culvert accepts nothing new, tunnels get drain-timeout to end, and
// culvert then cuts the rest. Thread: control.
#pragma once

#include <atomic>
#include <cstddef>

#include "event/timer.h"
#include "server/parts.h"

namespace culvert {

class Drain {
 public:
  explicit Drain(ServerParts& parts);
  Drain(const Drain&) = delete;
  Drain& operator=(const Drain&) = delete;

  /// TERM or INT: the first one begins the drain, a second one cuts every tunnel. The loop stops
  /// when no worker has a tunnel left.
  void onSignal();
  /// Begins the drain again if memory was short. Call twice a second.
  void onTick();
  /// True after a signal, once the acceptor has stopped.
  bool begun() const { return begun_; }

  /// Call after the loop: stops the workers' threads.
  void finish();
  /// How many tunnels were cut.
  size_t cut() const { return cut_; }

 private:
  void begin();
  void onTimeout();
  void cutAll(const char* why);

  ServerParts& parts_;
  Timer timer_;
  TimePoint deadline_ = kNever;
  std::atomic<size_t> emptyWorkers_{0};  // the workers count
  size_t cut_ = 0;
  bool wanted_ = false;
  bool begun_ = false;
};

}  // namespace culvert
