// SPDX-License-Identifier: GPL-3.0-or-later
// Server is the control thread. It starts the daemon in phases. The steps that can fail come first,
// and the creation of threads comes last. Then Server waits for signals and calls Reload, Drain and
// the state dump. Workers and acceptor carry the connections. Thread: control.
#pragma once

#include <string>

#include "event/signal_watcher.h"
#include "event/timer.h"
#include "process/daemonize.h"
#include "process/pid_file.h"
#include "process/privileges.h"
#include "server/admin_desk.h"
#include "server/drain.h"
#include "server/overseer.h"
#include "server/parts.h"
#include "server/reload.h"
#include "server/unlisten.h"

namespace culvert {

struct ServerOptions {
  bool daemon = false;
  int readyFd = -1;     ///< the server closes it; -1 if there is none
  std::string version;  ///< for the start-up line
};

class Server {
 public:
  Server(ConfigSource source, ServerOptions options);
  ~Server();

  /// Starts, serves and stops. Returns the exit code.
  int run();

 private:
  int start();
  int loadAll();
  bool openLog(Preparation& made);
  int bindAll();
  void claimPidFile(Diagnostics& diagnostics);
  int becomeUser();
  int startThreads();
  void announce();
  void failStart(int code);

  void onSignal(int signal);
  void onTick();
  void onReloaded();
  void followBackends();
  void updateListeners();
  void finish();

  const ServerOptions options_;
  ServerParts parts_;
  Reload reload_;
  Drain drain_;
  Overseer overseer_;
  Unlisten unlisten_;
  AdminDesk desk_;
  SignalWatcher signals_;
  Timer tick_;

  // Set during the start.
  std::optional<Identity> identity_;  // from `user` and `group`
  ListenerUpdate firstListeners_;
  std::string workersReason_;
  PrivilegeReport privileges_;
  PidFile pidFile_;
  DaemonStart daemonStart_;
};

}  // namespace culvert
