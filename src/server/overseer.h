// SPDX-License-Identifier: GPL-3.0-or-later
// Overseer runs twice a second. It reports workers whose loop turn takes too long, and returns
// memory to the system after a burst of tunnels. It also logs backend changes that the rate limit
// has delayed. Thread: control.
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
  std::vector<uint64_t> reportedTurns_;  // per worker: when the last reported turn began
};

}  // namespace culvert
