// SPDX-License-Identifier: GPL-3.0-or-later
// Starts a thread of culvert with a name and all signals blocked (the control thread receives
// them). Thread: control.
#pragma once

#include <functional>
#include <thread>

#include "base/result.h"

namespace culvert {

/// ps -L and /proc show `name`; at most 15 bytes. Returns after `onStart` (drops the thread's
/// privileges; may be empty) has run in the new thread, so that no thread with privileges is
/// visible later. Then the thread runs `body`. Fails if the system cannot create a thread.
Result<std::thread> startThread(const char* name, const std::function<void()>& onStart,
                                std::function<void()> body);

}  // namespace culvert
