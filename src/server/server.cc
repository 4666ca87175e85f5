// SPDX-License-Identifier: GPL-3.0-or-later
// The start of the daemon, phase by phase: read and validate everything, bind, raise the descriptor
// limit, open log and pid file, drop privileges, and only then create threads. See server.h.
#include "server/server.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <new>
#include <utility>

#include "base/standard_streams.h"
#include "event/callback.h"
#include "log/log_sink.h"
#include "server/exit_code.h"
#include "server/health_report.h"
#include "server/memory_rule.h"
#include "server/preparation.h"
#include "server/reports.h"
#include "server/state_dump.h"

namespace culvert {
namespace {

constexpr Millis kTick{500};

// Descriptors that culvert itself opens after the budget is computed. A worker has five
// descriptors: two for its pipe, one for epoll, and two that libevent opens. The other 17 are for
// the acceptor (also five), the log, the resolver's sockets, the pid file, inotify, and the files
// of a reload.
size_t ownDescriptors(size_t workers) { return workers * 5 + 17; }

/// Warns if no syslog daemon listens, because syslog(3) then loses lines without an error. The
/// warning goes to standard error while standard error is still open.
void warnOfSyslog(const GlobalOptions& global, const LogOptions& log, Diagnostics& diagnostics) {
  if (log.target != LogTarget::kSyslog) return;
  if (const auto there = checkSyslog(); !there)
    diagnostics.warning(
        global.originOf("log"), sectionLabel(global), "log",
        there.error().text +
            ": log lines are lost until a syslog daemon listens; allowed besides syslog: stderr, "
            "stdout, file:PATH");
}

}  // namespace

Server::Server(ConfigSource source, ServerOptions options)
    : options_(std::move(options)),
      parts_(std::move(source), options_.daemon),
      reload_(parts_),
      drain_(parts_),
      overseer_(parts_),
      unlisten_(parts_),
      desk_(parts_, reload_, drain_, [this] { onReloaded(); }),
      signals_(parts_.loop, this, call<&Server::onSignal>),
      tick_(parts_.loop, this, call<&Server::onTick>) {}

Server::~Server() = default;

int Server::run() {
  const int code = start();
  if (code != kExitClean) {
    failStart(code);
    return code;
  }
  parts_.loop.run();
  finish();
  return drain_.cut() == 0 ? kExitClean : kExitDrainCut;
}

void Server::failStart(int code) {
  // A running culvert may write to the same log file. The process number in this line shows that
  // the errors above the line belong to this start.
  if (!parts_.logger.writesToStderr()) {
    parts_.logger.log(LogLine(LogLevel::kErr, "culvert does not start")
                          .add("process", ::getpid())
                          .add("exit_code", code));
  }
  daemonStart_.failed(code);
  parts_.logger.stop();
}

int Server::start() {
  if (options_.daemon) {
    auto detached = daemonize();
    if (!detached) {
      printLine(stderr, "culvert: " + detached.error().text);
      return kExitFatal;
    }
    daemonStart_ = std::move(*detached);
  }
  for (const auto phase :
       {&Server::loadAll, &Server::bindAll, &Server::becomeUser, &Server::startThreads}) {
    if (const int code = (this->*phase)(); code != kExitClean) return code;
  }
  announce();
  return kExitClean;
}

int Server::loadAll() {
  Preparation made =
      prepare(parts_.source, {.reason = PrepareReason::kStart,
                              .resolver = *parts_.resolver,
                              .tickets = parts_.tickets,
                              .counts = &parts_.serviceCounts,
                              .onConfig = [this](Preparation& so) { return openLog(so); }});
  print(parts_.logger, made.diagnostics);
  if (made.exitCode != kExitClean) return made.exitCode;
  parts_.config = std::move(made.config);
  parts_.runtime = std::move(made.runtime);
  const Millis rotation = parts_.config.global.ticketRotation;
  if (const auto applied = parts_.tickets.apply(std::move(made.tickets), rotation); !applied) {
    parts_.logger.log(LogLevel::kErr, applied.error().text);
    return kExitFatal;
  }
  parts_.staples.follow(parts_.runtime);  // reads the files before privileges are dropped
  return kExitClean;
}

/// Opens the log before the files are read, so that errors about the files are logged.
bool Server::openLog(Preparation& made) {
  const GlobalOptions& global = made.config.global;
  LogOptions log = logOptionsOf(global, options_.daemon);
  identity_ = made.identity;
  if (identity_) {
    log.fileOwner = identity_->uid;
    log.fileGroup = identity_->gid;
    parts_.listenOptions.unixOwner = identity_->uid;
    parts_.listenOptions.unixGroup = identity_->gid;
  }
  Diagnostics diagnostics = std::exchange(made.diagnostics, {});
  if (const auto configured = parts_.logger.configure(log); !configured)
    diagnostics.error(global.originOf("log"), sectionLabel(global), "log", configured.error().text);
  warnOfSyslog(global, log, diagnostics);
  return !print(parts_.logger, diagnostics);
}

int Server::bindAll() {
  Diagnostics diagnostics;
  claimPidFile(diagnostics);
  auto change = parts_.listeners.prepare(parts_.config, parts_.listenOptions, diagnostics);
  auto doors = parts_.doors.prepare(parts_.config.global, parts_.listenOptions, diagnostics);
  if (print(parts_.logger, diagnostics)) {
    ListenerTable::discard(std::move(change));
    AdminDoors::discard(std::move(doors));
    return kExitBind;
  }
  firstListeners_ = parts_.listeners.commit(std::move(change), parts_.runtime);
  parts_.doors.commit(std::move(doors), parts_.logger);

  const GlobalOptions& global = parts_.config.global;
  auto [workers, workersReason] = workerCountOf(global);
  workersReason_ = std::move(workersReason);
  const size_t checks = checkedServices(parts_.runtime).empty() ? 0 : HealthThread::kDescriptors;
  const size_t doorsOpen = parts_.doors.wanted() ? AdminDoors::kDescriptors : 0;
  parts_.fdBudget =
      applyFdBudget(global.maxTunnels,
                    ownDescriptors(workers) + parts_.staples.ownDescriptors() + checks + doorsOpen);
  parts_.budget.setLimit(parts_.fdBudget.maxTunnels);
  parts_.commitLimits();
  parts_.shared = std::make_unique<WorkerShared>(
      WorkerShared{parts_.logger, parts_.budget, parts_.tickets.keys(), parts_.nextTunnelId,
                   parts_.limits, parts_.handshakeRate});
  for (unsigned i = 0; i < workers; ++i)
    parts_.workers.push_back(
        std::make_unique<Worker>(i, *parts_.shared, parts_.registry.addBlock()));
  return kExitClean;
}

/// Runs before the first bind, so that a second start reports the running process and not only
/// addresses in use. First blocks the signals that culvert handles, because other processes may
/// send signals once the pid file exists.
void Server::claimPidFile(Diagnostics& diagnostics) {
  const GlobalOptions& global = parts_.config.global;
  const auto note = [&](const Error& error) {
    diagnostics.error(global.originOf("pid-file"), sectionLabel(global), "pid-file", error.text);
  };
  if (auto kept = signals_.open({SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2}); !kept)
    return note(kept.error());
  if (global.pidFile.empty()) return;
  auto file = PidFile::create(global.pidFile);
  if (!file) return note(file.error());
  pidFile_ = std::move(*file);
}

int Server::becomeUser() {
  const GlobalOptions& global = parts_.config.global;
  auto dropped = dropPrivileges(identity_ ? &*identity_ : nullptr);
  if (!dropped) {
    Diagnostics d;
    d.error(global.originOf("user"), sectionLabel(global), "user", dropped.error().text);
    print(parts_.logger, d);
    return kExitBind;
  }
  privileges_ = std::move(*dropped);
  return kExitClean;
}

int Server::startThreads() {
  Result<void> started = parts_.logger.start(dropThreadCapabilities);
  if (started) started = parts_.postBox.open();
  if (started) started = parts_.resolver->start();
  std::vector<Worker*> workers;
  for (auto& worker : parts_.workers) {
    if (started) started = worker->open();
    if (started) started = worker->start();
    workers.push_back(worker.get());
  }
  if (started) {
    applyMemoryLimit(parts_);
    parts_.acceptor = std::make_unique<Acceptor>(parts_.logger, parts_.registry.addBlock(),
                                                 parts_.budget, workers);
    parts_.acceptor->setOnClosed([this](uint32_t id) {
      parts_.postBox.post([this, id] { parts_.listeners.removeDroppedFile(id); });
    });
    parts_.budget.setWake([this] { parts_.acceptor->wake(); });
    started = parts_.acceptor->open();
  }
  if (started) started = parts_.acceptor->start();
  if (started) started = parts_.health.follow(checkedServices(parts_.runtime));
  if (started) started = desk_.start(options_.version);
  if (!started) {
    parts_.logger.log(LogLevel::kErr, started.error().text);
    return kExitFatal;
  }
  parts_.staples.startFetching(parts_.registry, dropThreadCapabilities);
  tick_.armBy(Clock::now() + kTick);
  reload_.setOnRefresh([this] { desk_.publish(); });
  reload_.start();
  parts_.acceptor->apply(std::move(firstListeners_));
  followBackends();
  desk_.publish();
  return kExitClean;
}

void Server::announce() {
  logStartLine(parts_, options_.version, workersReason_, privileges_);
  logTicketSecret(parts_);
  const auto listeners = parts_.listeners.report();
  logListeners(parts_, {});
  parts_.logger.log(LogLevel::kNotice, "ready");
  if (options_.readyFd >= 0) {
    if (auto told = writeReadyFd(options_.readyFd, readyText(listeners)); !told) {
      parts_.logger.log(LogLine(LogLevel::kWarning, "--ready-fd").add("error", told.error().text));
    }
  }
  parts_.notify.ready();
  daemonStart_.ready();
}

void Server::onSignal(int signal) {
  switch (signal) {
    case SIGTERM:
    case SIGINT:
      drain_.onSignal();
      if (drain_.begun()) reload_.stop();
      desk_.publish();
      return;
    case SIGHUP:
      reload_.run();
      onReloaded();
      return;
    case SIGUSR1:
      return parts_.logger.reopen();
    case SIGUSR2:
      return dumpState(parts_, drain_.begun());
    default:
      return;
  }
}

void Server::onReloaded() {
  if (reload_.last()->done) {
    desk_.forgetLogLevel();
    followBackends();
  }
  desk_.publish();
}

/// Makes changes of the backends wake this thread.
void Server::followBackends() {
  unlisten_.follow([this] {
    try {
      parts_.postBox.post([this] { updateListeners(); });
    } catch (const std::bad_alloc&) {  // the next tick sees the change
    }
  });
}

void Server::updateListeners() {
  if (!drain_.begun() && unlisten_.update()) desk_.publish();
}

void Server::onTick() {
  tick_.armBy(parts_.loop.now() + kTick);  // arm the timer first, so that no failure below can stop
                                           // the ticks
  drain_.onTick();
  if (drain_.begun()) reload_.stop();
  if (auto rotated = parts_.tickets.rotate(); !rotated) {
    parts_.logger.log(
        LogLine(LogLevel::kErr, "ticket keys not rotated").add("error", rotated.error().text));
  } else if (*rotated) {
    parts_.logger.log(LogLevel::kDebug, "ticket keys rotated");
  }
  overseer_.onTick();
  updateListeners();
  parts_.staples.onTick(parts_.loop.now());
  reload_.onTick();
}

void Server::finish() {
  drain_.finish();
  parts_.health.stop();
  parts_.doors.stop();
  parts_.loop.guard([this] { dumpState(parts_, true); });
  parts_.logger.tell(LogLevel::kNotice, [this] {
    return LogLine(LogLevel::kNotice, "culvert stopped").add("cut", drain_.cut());
  });
  parts_.staples.stop();
  parts_.resolver.reset();
  pidFile_.remove();
  parts_.logger.stop();
}

}  // namespace culvert
