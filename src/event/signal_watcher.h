// SPDX-License-Identifier: GPL-3.0-or-later
// SignalWatcher turns signals into callbacks of the control loop, through a signalfd: the kernel
// merges the equal ones that came since the last turn, so that no flood of them holds the loop.
// (libevent's own signal events are called once for each and put off everything else meanwhile.)
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

  /// Starts to listen. The signals are blocked in the calling thread for good: they stay so when
  /// the watcher is gone, where none may cut the end of the process short. Every other thread must
  /// block them itself. Fails where no descriptors are left.
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
