// SPDX-License-Identifier: GPL-3.0-or-later
// StrayThread is a thread that stop() may detach while the thread still runs. Its body calls
// functions that can block for seconds and cannot be interrupted, for example getaddrinfo() or a
// write to a full pipe. So stop() waits only for a short time and then continues without the
// thread. Thread: one owner.
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "base/clock.h"
#include "base/result.h"

namespace culvert {

class StrayThread {
 public:
  /// How long stop() waits for the thread by default.
  static constexpr Millis kPatience{250};

  StrayThread() = default;
  ~StrayThread() { stop(); }
  StrayThread(const StrayThread&) = delete;
  StrayThread& operator=(const StrayThread&) = delete;

  /// Starts a thread that runs `onStart` and then `body`; see startThread(). `body` may outlive the
  /// StrayThread, so `body` must own everything that it uses (by a shared_ptr). stop() only waits,
  /// so the owner must tell `body` to return before it calls stop(). Do not call start() while the
  /// thread is running.
  Result<void> start(const char* name, const std::function<void()>& onStart,
                     std::function<void()> body);

  /// True from start() to stop(), even after `body` has returned.
  bool running() const { return thread_.joinable(); }

  /// Waits until `body` returns, but at most for `patience`. Returns true if `body` has returned.
  /// Otherwise detaches the thread and returns false.
  bool stop(Millis patience = kPatience);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace culvert
