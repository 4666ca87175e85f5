// SPDX-License-Identifier: GPL-3.0-or-later
// See signal_watcher.h.
#include "event/signal_watcher.h"

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

#include "event/callback.h"

namespace culvert {

SignalWatcher::SignalWatcher(EventLoop& loop, void* context, Callback onSignal)
    : loop_(loop), context_(context), onSignal_(onSignal) {}

Result<void> SignalWatcher::open(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  fd_.reset(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd_) return failErrno("cannot watch for signals", errno);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  watcher_ = std::make_unique<IoWatcher>(loop_, fd_.get(), this, call<&SignalWatcher::onReadable>,
                                         nullptr);
  if (!watcher_->watch(true, false)) return failErrno("cannot watch for signals", errno);
  return {};
}

void SignalWatcher::onReadable() {
  // Read only once in each turn. So signals that arrive during the callbacks wait until the loop
  // has handled its other events.
  signalfd_siginfo pending[8];
  const ssize_t got = ::read(fd_.get(), pending, sizeof pending);
  for (size_t i = 0; (i + 1) * sizeof pending[0] <= static_cast<size_t>(got < 0 ? 0 : got); ++i) {
    onSignal_(context_, static_cast<int>(pending[i].ssi_signo));
  }
}

}  // namespace culvert
