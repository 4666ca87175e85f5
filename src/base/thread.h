// SPDX-License-Identifier: GPL-3.0-or-later
// How culvert starts a thread: named, and deaf to signals (the control thread hears them). Thread:
// control.
#pragma once

#include <functional>
#include <thread>

#include "base/result.h"

namespace culvert {

/// `name` is shown by ps -L and in /proc; at most 15 bytes. Returns once `onStart` (it gives up the
/// thread's rights; may be empty) has run in the new thread, so that nobody who looks later finds a
/// thread that has not; then runs `body`. Fails where the system has no thread left.
Result<std::thread> startThread(const char* name, const std::function<void()>& onStart,
                                std::function<void()> body);

}  // namespace culvert
