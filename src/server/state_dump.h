// SPDX-License-Identifier: GPL-3.0-or-later
// Logs the state of the daemon, on USR2 and when it stops. Thread: control.
#pragma once

#include "server/parts.h"

namespace culvert {

/// Logs workers, listeners (unless `draining`), backends, staples, and then all counters.
void dumpState(ServerParts& parts, bool draining);

}  // namespace culvert
