// SPDX-License-Identifier: GPL-3.0-or-later
// Waits for what another thread, the kernel or the clock brings about. Thread: any.
#pragma once

#include <poll.h>

#include "base/clock.h"

namespace culvert {

/// Asks every millisecond until `holds` returns true. False: it did not within ten seconds.
template <class Holds>
bool eventually(Holds holds) {
  const TimePoint deadline = Clock::now() + Millis(10'000);
  while (!holds()) {
    if (Clock::now() > deadline) return false;
    ::poll(nullptr, 0, 1);
  }
  return true;
}

}  // namespace culvert
