// SPDX-License-Identifier: GPL-3.0-or-later
// Drain stops the daemon: culvert accepts no new connections, gives tunnels drain-timeout to end,
// and then cuts the remaining tunnels. Thread: control.
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

  /// Call on TERM and INT. The first signal begins the drain, and the second signal cuts every
  /// tunnel. The loop stops when no worker has a tunnel left.
  void onSignal();
  /// Tries to begin the drain again if memory ran out at the first attempt. Call twice a second.
  void onTick();
  /// True after a signal, once the acceptor has stopped.
  bool begun() const { return begun_; }

  /// Stops the workers' threads. Call after the loop has stopped.
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
  std::atomic<size_t> emptyWorkers_{0};  // each worker increments it when its last tunnel has
                                         // closed
  size_t cut_ = 0;
  bool wanted_ = false;
  bool begun_ = false;
};

}  // namespace culvert
