// SPDX-License-Identifier: GPL-3.0-or-later
// How culvert starts a thread: named, deaf to signals (the control thread hears them), and without
// any capability. Thread: control.
#pragma once

#include <functional>
#include <thread>

#include "base/result.h"

namespace culvert {

/// `name` is shown by ps -L and in /proc; at most 15 bytes.
Result<std::thread> startThread(const char* name, std::function<void()> body);

/// Runs `body` on a thread of that kind and waits for it: for starting threads that make
/// themselves, so that they inherit nothing.
Result<void> runUnprivileged(std::function<void()> body);

}  // namespace culvert
