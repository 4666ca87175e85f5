// SPDX-License-Identifier: GPL-3.0-or-later
// The service manager's notification protocol (sd_notify(3)): one datagram to $NOTIFY_SOCKET.
// Written here instead of linking libsystemd, which brings a dozen libraries into a small daemon
// for forty lines. Thread: control.
#pragma once

#include <string>
#include <string_view>

#include "net/address.h"

namespace culvert {

class SdNotify {
 public:
  /// Not run by a service manager: every call does nothing and returns false.
  SdNotify() = default;

  /// Takes $NOTIFY_SOCKET (a path or `@abstract`) out of the environment. Anything else is treated
  /// as not set.
  static SdNotify fromEnvironment();

  bool enabled() const { return socket_.isSet(); }

  /// READY=1, with MAINPID (the process may have detached). Also ends a reload. `status` is shown
  /// by `systemctl status`.
  bool ready(std::string_view status = {});
  /// RELOADING=1 with MONOTONIC_USEC, as Type=notify-reload asks; ready() ends it.
  bool reloading();
  bool stopping(std::string_view status = {});

 private:
  bool send(const std::string& message);

  SocketAddress socket_;
};

}  // namespace culvert
