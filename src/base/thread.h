// SPDX-License-Identifier: GPL-3.0-or-later
// Starts a thread of culvert with a name and all signals blocked (the control thread receives
// them). Thread: control.
#pragma once

#include <functional>
#include <thread>

#include "base/result.h"

namespace culvert {

/// `name` has at most 15 bytes; ps -L and /proc show it. The new thread runs `onStart` (may be
/// empty), which drops the thread's privileges, and then `body`. Returns when `onStart` has
/// finished, so that the thread has no privileges afterwards. Fails if the system cannot create a
/// thread.
Result<std::thread> startThread(const char* name, const std::function<void()>& onStart,
                                std::function<void()> body);

}  // namespace culvert
