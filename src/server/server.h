// SPDX-License-Identifier: GPL-3.0-or-later
// Server is the control thread: it brings the daemon up phase by phase (everything that can fail
// comes before any thread), then waits for signals: reload, drain, log rotation, state dump.
// Workers and acceptor do the rest. Thread: control.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "certs/certificate_keeper.h"
#include "certs/staple_keeper.h"
#include "certs/ticket_source.h"
#include "config/config_source.h"
#include "event/signal_watcher.h"
#include "event/timer.h"
#include "log/logger.h"
#include "process/burst_watch.h"
#include "process/daemonize.h"
#include "process/fd_budget.h"
#include "process/pid_file.h"
#include "process/privileges.h"
#include "process/sd_notify.h"
#include "server/exit_code.h"
#include "server/listener_table.h"
#include "server/service_builder.h"
#include "stats/counters.h"
#include "worker/acceptor.h"

namespace culvert {

struct ServerOptions {
  bool daemon = false;
  int readyFd = -1;     ///< owned by the server once given; -1: none
  std::string version;  ///< for the start-up line
};

class Server {
 public:
  Server(ConfigSource source, ServerOptions options);
  ~Server();

  /// Starts, serves and ends; the exit code.
  int run();

 private:
  // server.cc: the start and the threads
  int start();
  int loadAll();
  int bindAll();
  int becomeUser();
  void claimPidFile(Diagnostics& diagnostics);
  int startThreads();
  void announce();
  void logListeners(const std::vector<BoundListener>& known);
  bool print(const Diagnostics& diagnostics);
  void logAll(const Diagnostics& diagnostics);
  void warnOfDescriptors();
  void logStartLine();
  void logTicketSecret();

  // server_signals.cc: what happens afterwards
  void prepareTimers();
  void onSignal(int signal);
  void reload();
  bool reloadConfig(Diagnostics& diagnostics);
  void reviewTrust(const Runtime& before);
  void beginDrain();
  void onDrainTimeout();
  void cutAll(const char* why);
  void finishDrain();
  void dumpState();
  void onTick();
  void tellBackendNews();
  void watchWorkers();
  void watchMemory();
  void onCertificatesDue();

  ConfigSource source_;
  ServerOptions options_;
  Logger logger_;
  CounterRegistry registry_;
  CounterBlock& counters_;  // the control thread's
  EventLoop loop_;
  Mailbox<int> mailbox_;  // only its control lane is used
  std::unique_ptr<Resolver> resolver_;
  TicketSource tickets_;
  StapleKeeper staples_;
  CertificateKeeper certificates_;
  TunnelBudget budget_;
  std::atomic<uint64_t> nextTunnelId_{1};

  Config config_;
  Runtime runtime_;
  ListenerTable listeners_;
  ListenerUpdate firstListeners_;
  FdBudget fdBudget_;
  std::string workersReason_;
  PrivilegeReport privileges_;
  ListenOptions listenOptions_;
  std::optional<Identity> identity_;  // whom `user` and `group` named at the start
  std::unique_ptr<WorkerShared> shared_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Acceptor> acceptor_;
  PidFile pidFile_;
  SdNotify notify_;
  DaemonStart daemonStart_;

  SignalWatcher signals_;
  std::unique_ptr<Timer> drainTimer_;
  std::unique_ptr<Timer> tick_;
  BurstWatch burst_;
  std::vector<uint64_t> reportedTurn_;  // per worker: the turn that was reported as late
  TimePoint drainDeadline_ = kNever;
  std::atomic<unsigned> drainedWorkers_{0};
  size_t cut_ = 0;
  bool endWanted_ = false;  // by a signal
  bool draining_ = false;
};

/// The log as the configuration wants it; `daemon` decides what `auto` means.
LogOptions logOptionsOf(const GlobalOptions& global, bool daemon);

}  // namespace culvert
