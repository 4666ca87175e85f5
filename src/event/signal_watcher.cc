// SPDX-License-Identifier: GPL-3.0-or-later
// See signal_watcher.h.
#include "event/signal_watcher.h"

#include "event/event_loop.h"

namespace culvert {

SignalWatcher::SignalWatcher(EventLoop& loop, int signal, void* context, Callback onSignal)
    : loop_(loop), context_(context), onSignal_(onSignal) {
  evsignal_assign(&event_, loop_.base(), signal, &SignalWatcher::dispatch, this);
  evsignal_add(&event_, nullptr);
}

SignalWatcher::~SignalWatcher() { evsignal_del(&event_); }

void SignalWatcher::dispatch(int signal, short, void* self) {
  auto& watcher = *static_cast<SignalWatcher*>(self);
  watcher.loop_.beginTurn();
  watcher.onSignal_(watcher.context_, signal);
}

const char* eventLibraryVersion() { return event_get_version(); }

}  // namespace culvert
