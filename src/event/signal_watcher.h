// SPDX-License-Identifier: GPL-3.0-or-later
// SignalWatcher turns signals into callbacks of the control loop, through a signalfd. The kernel
// merges equal signals that arrived since the last turn, so a flood of signals does not block the
// loop. (libevent's own signal events call back once for each signal and delay everything else.)
// Thread: loop (control).
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

  /// Starts to watch. The signals stay blocked in the calling thread, even after the watcher is
  /// destroyed, so that they do not interrupt the end of the process. Every other thread must block
  /// them itself. Fails if no descriptors are left.
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
