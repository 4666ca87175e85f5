// SPDX-License-Identifier: GPL-3.0-or-later
// CertificateWatch says when it is time to look at the certificates' files: a moment after
// something has changed beside them, and every half minute in any case. Thread: control.
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

  /// An error where only the half minutes are left.
  Result<void> start();

  /// Watches the directories around these files from now on, and those of the configuration. To be
  /// called with the privileges that reading them takes. Returns how many directories cannot be
  /// watched: there only the half minutes help.
  size_t follow(const Config& config, const Runtime& runtime);

  /// Look again in a moment.
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
