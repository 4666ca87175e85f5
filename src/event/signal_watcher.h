// SPDX-License-Identifier: GPL-3.0-or-later
// SignalWatcher uses a signalfd to turn signals into callbacks on the control loop. The kernel
// merges equal signals that arrived since the last turn, so a flood of signals does not block the
// loop. libevent's signal events are not used, because they call back once for each signal, which
// delays all other events. Thread: loop (control).
#pragma once

#include <csignal>
#include <initializer_list>

#include "base/result.h"
#include "base/unique_fd.h"
#include "event/io_watcher.h"

namespace culvert {

class SignalWatcher {
 public:
  using Callback = void (*)(void* context, int signal);

  SignalWatcher(EventLoop& loop, void* context, Callback onSignal);

  /// Blocks the signals in the calling thread and starts to watch them. The signals stay blocked
  /// after the watcher is destroyed, so that they do not interrupt the shutdown of the process.
  /// Every other thread must block the signals itself. Fails if no descriptors are left.
  Result<void> open(std::initializer_list<int> signals);

 private:
  void onReadable();

  EventLoop& loop_;
  void* context_;
  Callback onSignal_;
  UniqueFd fd_;
  std::unique_ptr<IoWatcher> watcher_;
};

}  // namespace culvert
