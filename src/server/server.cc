// SPDX-License-Identifier: GPL-3.0-or-later
// The start of the daemon, in the order that the phases demand: read and validate everything, bind,
// raise the descriptor limit, open log and pid file, drop privileges, and only then create threads.
// See server.h.
#include "server/server.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "base/standard_streams.h"
#include "log/log_sink.h"
#include "process/cpu_budget.h"
#include "process/identity.h"
#include "process/privileges.h"
#include "tls/library/tls_library.h"

namespace culvert {
namespace {

// Descriptors that culvert itself opens after the budget is made. A worker has five: two for its
// pipe, its epoll, and two that libevent opens. The rest: the same of the acceptor, the log, the
// resolver's sockets, the pid file, inotify, what a reload reads.
size_t ownDescriptors(size_t workers) { return workers * 5 + 17; }

LogTarget logTargetOf(const LogPlace& place, bool daemon) {
  switch (place.sink) {
    case LogPlaceKind::kSyslog:
      return LogTarget::kSyslog;
    case LogPlaceKind::kStderr:
      return LogTarget::kStderr;
    case LogPlaceKind::kStdout:
      return LogTarget::kStdout;
    case LogPlaceKind::kFile:
      return LogTarget::kFile;
    case LogPlaceKind::kAuto:
      break;
  }
  return daemon ? LogTarget::kSyslog : LogTarget::kStderr;
}

/// On standard error, while there is one: syslog(3) loses lines without a word.
void warnOfSyslog(const GlobalOptions& global, const LogOptions& log, Diagnostics& diagnostics) {
  if (log.target != LogTarget::kSyslog) return;
  if (const auto there = checkSyslog(); !there)
    diagnostics.warning(global.originOf("log"), sectionLabel(global), "log",
                        there.error().text +
                            ": log lines are lost until one does; allowed besides syslog: stderr, "
                            "stdout, file:PATH");
}

}  // namespace

LogOptions logOptionsOf(const GlobalOptions& global, bool daemon) {
  LogOptions options;
  options.target = logTargetOf(global.log, daemon);
  options.path = global.log.path;
  options.level = static_cast<LogLevel>(global.logLevel);
  options.format = global.logFormat == LogForm::kJson ? LogFormat::kJson : LogFormat::kText;
  options.facility = global.syslogFacility;
  return options;
}

Server::Server(ConfigSource source, ServerOptions options)
    : source_(std::move(source)),
      options_(std::move(options)),
      counters_(registry_.addBlock()),
      mailbox_(loop_, 1, this,
               [](void* self) {
                 auto* server = static_cast<Server*>(self);
                 server->mailbox_.runControl();
                 if (server->draining_ && server->drainedWorkers_ == server->workers_.size())
                   server->loop_.stop();
               }),
      staples_(logger_, counters_),
      certificates_(loop_, logger_, counters_, this,
                    [](void* self) { static_cast<Server*>(self)->onCertificatesDue(); }),
      notify_(SdNotify::fromEnvironment()),
      signals_(loop_, this,
               [](void* self, int signal) { static_cast<Server*>(self)->onSignal(signal); }) {}

Server::~Server() = default;

int Server::run() {
  const int code = start();
  if (code != kExitClean) {
    // In a file that a running culvert writes too, the errors above would be taken for its own.
    if (!logger_.writesToStderr()) {
      logger_.log(LogLine(LogLevel::kErr, "culvert does not start")
                      .add("process", ::getpid())
                      .add("exit_code", code));
    }
    daemonStart_.failed(code);
    logger_.stop();
    return code;
  }
  loop_.run();
  finishDrain();
  return cut_ == 0 ? kExitClean : kExitDrainCut;
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

/// Every line to stderr as it is, and to the log where that is somewhere else. True when there was
/// an error.
bool Server::print(const Diagnostics& diagnostics) {
  for (const Diagnostic& d : diagnostics.list()) printLine(stderr, d.text());
  if (!logger_.writesToStderr()) logAll(diagnostics);
  return diagnostics.hasErrors();
}

void Server::logAll(const Diagnostics& diagnostics) {
  for (const Diagnostic& d : diagnostics.list()) {
    logger_.log(d.severity == Severity::kError     ? LogLevel::kErr
                : d.severity == Severity::kWarning ? LogLevel::kWarning
                                                   : LogLevel::kNotice,
                d.text());
  }
}

int Server::loadAll() {
  LoadOutcome loaded = source_.load(serverValidators());
  if (!loaded.ok()) {
    print(loaded.diagnostics);
    return kExitConfig;
  }
  config_ = std::move(loaded.config);
  const GlobalOptions& global = config_.global;
  LogOptions log = logOptionsOf(global, options_.daemon);
  identity_ = identityOf(global, Severity::kError, loaded.diagnostics);
  if (identity_) {
    log.fileOwner = identity_->uid;
    log.fileGroup = identity_->gid;
    listenOptions_.unixOwner = identity_->uid;
    listenOptions_.unixGroup = identity_->gid;
  }
  if (auto configured = logger_.configure(log); !configured) {
    loaded.diagnostics.error(global.originOf("log"), sectionLabel(global), "log",
                             configured.error().text);
  }
  warnOfSyslog(global, log, loaded.diagnostics);
  if (print(loaded.diagnostics)) return kExitConfig;

  if (auto ready = initTlsLibrary(); !ready) {
    logger_.log(LogLevel::kErr, ready.error().text);
    return kExitFatal;
  }
  ResolverOptions resolving;
  resolving.onThreadStart = dropThreadCapabilities;
  resolving.onEvent = [this](ResolveEvent event, const std::string& text) {
    const LogLevel level = event == ResolveEvent::kFailed     ? LogLevel::kWarning
                           : event == ResolveEvent::kResolved ? LogLevel::kInfo
                                                              : LogLevel::kNotice;
    logger_.log(LogLine(level, "name resolution").add("result", text));
  };
  resolver_ = std::make_unique<Resolver>(std::move(resolving));
  Diagnostics secrets;
  runtime_ = buildRuntime(config_, nullptr, *resolver_, secrets);
  openKeyLogs(config_, runtime_, secrets);
  auto tickets = tickets_.load(global, secrets);
  if (print(secrets)) return kExitCertificate;
  if (const auto applied = tickets_.apply(std::move(*tickets), global.ticketRotation); !applied) {
    logger_.log(LogLevel::kErr, applied.error().text);
    return kExitFatal;
  }
  staples_.follow(runtime_);  // the files are read while there are rights
  return kExitClean;
}

int Server::bindAll() {
  Diagnostics diagnostics;
  claimPidFile(diagnostics);
  auto change = listeners_.prepare(config_, listenOptions_, diagnostics);
  if (print(diagnostics)) {
    ListenerTable::discard(std::move(change));
    return kExitBind;
  }
  firstListeners_ = listeners_.commit(std::move(change), runtime_);

  const CpuBudget cpus = detectCpuBudget();
  const unsigned workers = config_.global.workers != 0 ? config_.global.workers : cpus.workers;
  workersReason_ = config_.global.workers != 0 ? "configured" : cpus.reason;
  fdBudget_ =
      applyFdBudget(config_.global.maxTunnels, ownDescriptors(workers) + staples_.ownDescriptors());
  budget_.setLimit(fdBudget_.maxTunnels);
  shared_ = std::make_unique<WorkerShared>(
      WorkerShared{logger_, budget_, tickets_.keys(), nextTunnelId_});
  for (unsigned i = 0; i < workers; ++i) {
    workers_.push_back(std::make_unique<Worker>(i, *shared_, registry_.addBlock()));
  }
  return kExitClean;
}

/// Before the first bind: who starts culvert twice is told of the process that runs, and not only
/// of its addresses. Signals are kept from then on, because the file invites them.
void Server::claimPidFile(Diagnostics& diagnostics) {
  const GlobalOptions& global = config_.global;
  const auto refuse = [&](const Error& error) {
    diagnostics.error(global.originOf("pid-file"), sectionLabel(global), "pid-file", error.text);
  };
  if (auto kept = signals_.open({SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2}); !kept)
    return refuse(kept.error());
  if (global.pidFile.empty()) return;
  auto file = PidFile::create(global.pidFile);
  if (!file) return refuse(file.error());
  pidFile_ = std::move(*file);
}

int Server::becomeUser() {
  const GlobalOptions& global = config_.global;
  auto dropped = dropPrivileges(identity_ ? &*identity_ : nullptr);
  if (!dropped) {
    Diagnostics d;
    d.error(global.originOf("user"), sectionLabel(global), "user", dropped.error().text);
    print(d);
    return kExitBind;
  }
  privileges_ = std::move(*dropped);
  return kExitClean;
}

int Server::startThreads() {
  Result<void> started = logger_.start(dropThreadCapabilities);
  if (started) started = mailbox_.open();
  if (started) started = resolver_->start();
  std::vector<Worker*> workers;
  for (auto& worker : workers_) {
    if (started) started = worker->open();
    if (started) started = worker->start();
    workers.push_back(worker.get());
  }
  if (started) {
    acceptor_ = std::make_unique<Acceptor>(logger_, registry_.addBlock(), budget_, workers);
    acceptor_->setOnClosed(
        [this](uint32_t id) { mailbox_.post([this, id] { listeners_.removeDroppedFile(id); }); });
    budget_.setWake([this] { acceptor_->wake(); });
    started = acceptor_->open();
  }
  if (started) started = acceptor_->start();
  if (!started) {
    logger_.log(LogLevel::kErr, started.error().text);
    return kExitFatal;
  }
  staples_.startFetching(registry_, dropThreadCapabilities);
  prepareTimers();
  {
    const ControlPrivileges raised;
    certificates_.start(config_, runtime_);
  }
  acceptor_->apply(std::move(firstListeners_));
  return kExitClean;
}

void Server::logStartLine() {
  logger_.log(
      LogLine(LogLevel::kNotice, "culvert starts")
          .add("version", options_.version)
          .add("tls", "wolfSSL " + tlsLibraryVersion())
          .add("cpu", tlsCpuText())
          .add("workers", workers_.size())
          .add("workers_why", workersReason_)
          .add("max_tunnels", fdBudget_.maxTunnels)
          .add("max_tunnels_why", fdBudget_.reason)
          .add("nofile", fdBudget_.nofile)
          .add("privileges", privileges_.text)
          .add("config", source_.file().empty() ? std::string_view("(none)") : source_.file()));
  if (privileges_.runsAsRoot) {
    logger_.log(LogLevel::kWarning,
                "running as root: set user in [global] to drop privileges after binding");
  }
  warnOfDescriptors();
}

/// By name, so that an operator can see whether replicas have the same.
void Server::logTicketSecret() {
  if (config_.global.ticketSecretFile.empty()) return;
  logger_.log(LogLine(LogLevel::kNotice, "session ticket secret")
                  .add("file", config_.global.ticketSecretFile)
                  .add("id", tickets_.ids()));
}

void Server::warnOfDescriptors() {
  if (!fdBudget_.reduced) return;
  logger_.log(LogLine(LogLevel::kWarning, "max-tunnels is more than the descriptor limit allows")
                  .add("configured", config_.global.maxTunnels)
                  .add("effective", fdBudget_.maxTunnels)
                  .add("nofile_hard", fdBudget_.hard));
}

/// One line for each listener that is not among `known`, and for each of those that is gone.
void Server::logListeners(const std::vector<BoundListener>& known) {
  const auto now = listeners_.report();
  const auto tell = [this](const char* what, const auto& of, const auto& butNot) {
    for (const BoundListener& listener : of) {
      if (std::find(butNot.begin(), butNot.end(), listener) != butNot.end()) continue;
      logger_.log(LogLine(LogLevel::kNotice, what)
                      .add("service", listener.service)
                      .add("address", listener.address));
    }
  };
  tell("listening", now, known);
  tell("no longer listening", known, now);
}

void Server::announce() {
  logStartLine();
  logTicketSecret();
  const auto listeners = listeners_.report();
  logListeners({});
  logger_.log(LogLevel::kNotice, "ready");
  if (options_.readyFd >= 0) {
    if (auto told = writeReadyFd(options_.readyFd, readyText(listeners)); !told) {
      logger_.log(LogLine(LogLevel::kWarning, "--ready-fd").add("error", told.error().text));
    }
  }
  notify_.ready();
  daemonStart_.ready();
}

}  // namespace culvert
