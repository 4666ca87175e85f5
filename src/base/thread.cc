// SPDX-License-Identifier: GPL-3.0-or-later
// See thread.h.
#include "base/thread.h"

#include <pthread.h>

#include <cerrno>
#include <csignal>
#include <latch>
#include <memory>
#include <string>
#include <system_error>

namespace culvert {

Result<std::thread> startThread(const char* name, const std::function<void()>& onStart,
                                std::function<void()> body) {
  // Block signals before the thread exists. The thread inherits the mask, so it never gets a
  // signal.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  Result<std::thread> started;
  try {
    auto ready = std::make_shared<std::latch>(1);
    started = std::thread([name, onStart, body = std::move(body), ready]() mutable {
      pthread_setname_np(pthread_self(), name);
      if (onStart) onStart();
      ready->count_down();
      ready.reset();
      body();
    });
    ready->wait();
  } catch (const std::system_error& e) {
    started = failErrno(std::string("cannot create the thread ") + name,
                        e.code().value() == 0 ? EAGAIN : e.code().value());
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

}  // namespace culvert
