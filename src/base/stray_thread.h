// SPDX-License-Identifier: GPL-3.0-or-later
// A thread that may be left behind: it calls what may block for seconds and cannot be interrupted,
// such as getaddrinfo() or a write to a full pipe. Whoever stops it waits a moment and then goes on
// without it. Thread: one owner.
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "base/clock.h"
#include "base/result.h"

namespace culvert {

class StrayThread {
 public:
  /// How long stop() waits where the caller names no limit.
  static constexpr Millis kPatience{250};

  StrayThread() = default;
  ~StrayThread() { stop(); }
  StrayThread(const StrayThread&) = delete;
  StrayThread& operator=(const StrayThread&) = delete;

  /// See startThread(). `body` may outlive the owner: whatever it uses belongs to it, too (held by a
  /// shared_ptr). It has to notice by itself that it is to return. Not while the thread is running.
  Result<void> start(const char* name, const std::function<void()>& onStart,
                     std::function<void()> body);

  /// From start() to stop(), even if `body` has returned.
  bool running() const { return thread_.joinable(); }

  /// Waits until `body` returns, at most for `patience`. Returns false if the thread was left behind.
  bool stop(Millis patience = kPatience);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace culvert
