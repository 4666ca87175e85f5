// SPDX-License-Identifier: GPL-3.0-or-later
// Unlisten closes the listening sockets of services whose backends are all down, if they have
// when-backend-down = unlisten, and opens them again when a backend is up. A load balancer in front
// of culvert sees the closed port, whatever it knows of TLS. Thread: control.
#pragma once

#include <functional>
#include <string>
#include <unordered_set>

#include "server/parts.h"

namespace culvert {

class Unlisten {
 public:
  explicit Unlisten(ServerParts& parts) : parts_(parts) {}
  /// Makes the pools of the services in force call `wake` when a service goes down or comes up. Call
  /// it at the start and after each reload. `wake` runs on any thread.
  void follow(const std::function<void()>& wake);
  /// Closes and opens what has changed. Call it after a wake and regularly, but not while culvert
  /// drains. Returns true if a socket was closed or opened.
  bool update();

 private:
  static bool allDown(const std::vector<std::string>& services, const RuntimeIndex& runtime);
  void takeAway(uint32_t id, const std::string& address);
  bool bringBack(uint32_t id, const std::string& address);

  ServerParts& parts_;
  bool needed_ = false;                        // a service has the option, or a listener is away
  TimePoint nextTry_{};                        // to bind an address that another process has taken
  std::unordered_set<std::string> toldTaken_;  // addresses whose failure is logged
};

}  // namespace culvert
