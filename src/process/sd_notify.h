// SPDX-License-Identifier: GPL-3.0-or-later
// The service manager's notification protocol (sd_notify(3)): one datagram to $NOTIFY_SOCKET.
// culvert does not use libsystemd for it, because libsystemd depends on a dozen libraries. Thread:
// control.
#pragma once

#include <string>
#include <string_view>

#include "net/address.h"

namespace culvert {

class SdNotify {
 public:
  /// For a process without a service manager: every call does nothing and returns false.
  SdNotify() = default;

  /// Reads $NOTIFY_SOCKET (a path or `@abstract`) and removes it from the environment. Any other
  /// value counts as not set.
  static SdNotify fromEnvironment();

  bool enabled() const { return socket_.isSet(); }

  /// Sends READY=1, and MAINPID because the process may have detached. Call this after a reload,
  /// too. `systemctl status` shows `status`.
  bool ready(std::string_view status = {});
  /// Sends RELOADING=1 with MONOTONIC_USEC, as Type=notify-reload requires. Call ready() after the
  /// reload.
  bool reloading();
  bool stopping(std::string_view status = {});

 private:
  bool send(const std::string& message);

  SocketAddress socket_;
};

}  // namespace culvert
