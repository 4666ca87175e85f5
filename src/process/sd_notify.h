// SPDX-License-Identifier: GPL-3.0-or-later
// The service manager's notification protocol (sd_notify(3)): one datagram to $NOTIFY_SOCKET. This
// small file replaces libsystemd, which would bring a dozen libraries into a small daemon. Thread:
// control.
#pragma once

#include <string>
#include <string_view>

#include "net/address.h"

namespace culvert {

class SdNotify {
 public:
  /// A process without a service manager: every call does nothing and returns false.
  SdNotify() = default;

  /// Reads $NOTIFY_SOCKET (a path or `@abstract`) and removes it from the environment. Any other
  /// value counts as not set.
  static SdNotify fromEnvironment();

  bool enabled() const { return socket_.isSet(); }

  /// READY=1, with MAINPID (the process may have detached). It also ends a reload. `systemctl
  /// status` shows `status`.
  bool ready(std::string_view status = {});
  /// RELOADING=1 with MONOTONIC_USEC, as Type=notify-reload requires; ready() ends it.
  bool reloading();
  bool stopping(std::string_view status = {});

 private:
  bool send(const std::string& message);

  SocketAddress socket_;
};

}  // namespace culvert
