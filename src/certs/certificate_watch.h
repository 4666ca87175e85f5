// SPDX-License-Identifier: GPL-3.0-or-later
// CertificateWatch reports when it is time to check the certificates' files: a moment after a
// change beside them, and every 30 s in any case. Thread: control.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "event/directory_watcher.h"
#include "event/timer.h"
#include "service/runtime.h"

namespace culvert {

class CertificateWatch {
 public:
  using Callback = void (*)(void* context);

  CertificateWatch(EventLoop& loop, void* context, Callback onDue);

  /// An error means that only the check every 30 s is left.
  Result<void> start();

  /// Watches the directories of these files and those of the configuration from now on. Call with
  /// the privileges that reading the directories needs. Returns how many directories cannot be
  /// watched: those rely on the check every 30 s.
  size_t follow(const Config& config, const Runtime& runtime);

  /// Requests a check in a moment.
  void lookSoon();

 private:
  void onChange();
  void onTimer();

  EventLoop& loop_;
  void* context_;
  Callback onDue_;
  DirectoryWatcher directories_;
  Timer timer_;
  TimePoint lastLook_{};
  Clock::duration lastTook_{};
};

}  // namespace culvert
