// SPDX-License-Identifier: GPL-3.0-or-later
// AdminDesk does on the control thread what an operator asks for through the admin door, and
// publishes the daemon's state for the admin thread. Thread: control, except the functions of
// AdminControl: any.
#pragma once

#include <string>

#include "admin/control.h"
#include "event/timer.h"
#include "server/drain.h"
#include "server/parts.h"
#include "server/reload.h"

namespace culvert {

class AdminDesk final : public AdminControl {
 public:
  /// `onReload` is called after a reload through the admin door.
  AdminDesk(ServerParts& parts, Reload& reload, Drain& drain, std::function<void()> onReload);

  /// Starts the admin thread if a door is open. Call when the workers and the acceptor run.
  Result<void> start(std::string version);
  /// Publishes the state in force. Does nothing without an admin thread.
  void publish();
  /// Call after a reload: the configured log level is in force again.
  void forgetLogLevel();

  void reload(std::string by, std::function<void(ReloadReport)> done) override;
  void drain(std::string by, std::function<void()> done) override;
  void drainService(std::string by, std::string name,
                    std::function<void(std::optional<ServiceDrain>)> done) override;
  void setLogLevel(std::string by, std::optional<LogLevel> level, Millis time,
                   std::function<void(LogLevelState)> done) override;

 private:
  std::optional<ServiceDrain> drainNow(const std::string& by, const std::string& name);
  void setLevelNow(const std::string& by, std::optional<LogLevel> level, Millis time);
  void restoreLogLevel();
  LogLevel configuredLevel() const;
  std::vector<AdminListener> listeners() const;

  ServerParts& parts_;
  Reload& reload_;
  Drain& drain_;
  const std::function<void()> onReload_;
  std::string version_;
  Timer levelTimer_;
  LogLevelState level_;
};

}  // namespace culvert
