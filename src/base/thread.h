// SPDX-License-Identifier: GPL-3.0-or-later
// Starts a thread of culvert with a name and with all signals blocked, because only the control
// thread receives signals. Thread: control.
#pragma once

#include <functional>
#include <thread>

#include "base/result.h"

namespace culvert {

/// Starts a thread that runs `onStart` (may be empty), which drops the thread's privileges, and
/// then `body`. Returns after `onStart` has finished, so that the new thread has no privileges when
/// the caller continues. `name` has at most 15 bytes; ps -L and /proc show it. Fails if the system
/// cannot create a thread.
Result<std::thread> startThread(const char* name, const std::function<void()>& onStart,
                                std::function<void()> body);

}  // namespace culvert
