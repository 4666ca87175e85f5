// SPDX-License-Identifier: GPL-3.0-or-later
// SignalWatcher turns one signal into a callback of the control loop. libevent keeps signals
// process-wide, so only one loop of the process may have any. Thread: loop (control).
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>

namespace culvert {

class EventLoop;

class SignalWatcher {
 public:
  using Callback = void (*)(void* context, int signal);

  SignalWatcher(EventLoop& loop, int signal, void* context, Callback onSignal);
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

 private:
  static void dispatch(int signal, short what, void* self);

  EventLoop& loop_;
  void* context_;
  Callback onSignal_;
  event event_;
};

/// libevent's version as it runs, for --version.
const char* eventLibraryVersion();

}  // namespace culvert
