// SPDX-License-Identifier: GPL-3.0-or-later
// The state of the daemon in the log, on USR2 and at the end. Thread: control.
#pragma once

#include "server/parts.h"

namespace culvert {

/// Logs workers, listeners (unless `draining`), backends, staples, and then all counters.
void dumpState(ServerParts& parts, bool draining);

}  // namespace culvert
