// SPDX-License-Identifier: GPL-3.0-or-later
// See thread.h.
#include "server/thread.h"

#include <pthread.h>

#include <csignal>
#include <latch>
#include <memory>
#include <system_error>

#include "server/privileges.h"

namespace culvert {

Result<std::thread> startThread(const char* name, std::function<void()> body) {
  // Blocked before the thread exists: it inherits the mask, and no signal can hit it in between.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  Result<std::thread> started;
  try {
    // Waited for, so that whoever looks once the start is over sees the thread's name and no
    // capability.
    auto ready = std::make_shared<std::latch>(1);
    started = std::thread([name, body = std::move(body), ready]() mutable {
      dropThreadCapabilities();
      pthread_setname_np(pthread_self(), name);
      ready->count_down();
      ready.reset();
      body();
    });
    ready->wait();
  } catch (const std::system_error& e) {
    started = failErrno(std::string("cannot create the thread ") + name, e.code().value());
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

Result<void> runUnprivileged(std::function<void()> body) {
  auto thread = startThread("culvert-start", std::move(body));
  if (!thread) return tl::unexpected(thread.error());
  thread->join();
  return {};
}

}  // namespace culvert
