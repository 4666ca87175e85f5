// SPDX-License-Identifier: GPL-3.0-or-later
// Overseer checks the workers twice a second: turns of their loops that take too long, memory that
// a burst of tunnels has left, and changes of backends that are not logged yet. Thread: control.
#pragma once

#include <vector>

#include "process/burst_watch.h"
#include "server/parts.h"

namespace culvert {

class Overseer {
 public:
  explicit Overseer(ServerParts& parts) : parts_(parts) {}

  void onTick();

 private:
  void watchTurns();
  void watchMemory();
  void tellBackendNews();

  ServerParts& parts_;
  BurstWatch burst_;
  std::vector<uint64_t> reportedTurns_;  // per worker: the turn that was last reported
};

}  // namespace culvert
