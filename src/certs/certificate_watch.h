// SPDX-License-Identifier: GPL-3.0-or-later
// CertificateWatch reports when to check the certificates' files: a moment after a change in one of
// their directories, and every 30 s. Thread: control.
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

  /// Starts watching. After an error, culvert only checks the files every 30 s.
  Result<void> start();

  /// Replaces the watched directories by the directories of the files that `config` and `runtime`
  /// name. Call with the privileges that reading the directories needs. Returns how many
  /// directories cannot be watched. culvert only checks their files every 30 s.
  size_t follow(const Config& config, const Runtime& runtime);

  /// Requests a check after a short delay.
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
