// SPDX-License-Identifier: GPL-3.0-or-later
// The start of the daemon, in the order that the phases demand: read and validate everything, bind,
// raise the descriptor limit, open log and pid file, drop privileges, and only then create threads.
// See server.h.
#include "server/server.h"

#include <algorithm>
#include <cstdio>

#include "base/standard_streams.h"
#include "server/cpu_budget.h"
#include "server/privileges.h"
#include "tls/tls_library.h"

namespace culvert {
namespace {

// Descriptors that culvert itself opens after the budget is made. A worker has five: two for its
// pipe, its epoll, and two that libevent opens. The rest: the same of the acceptor, the log, the
// resolver's sockets, the pid file, what a reload reads.
size_t ownDescriptors(size_t workers, size_t listeners) { return workers * 5 + listeners + 16; }

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
                 for (auto& message : static_cast<Server*>(self)->mailbox_.take().control)
                   message();
               }),
      notify_(SdNotify::fromEnvironment()),
      signals_(loop_, this,
               [](void* self, int signal) { static_cast<Server*>(self)->onSignal(signal); }) {}

Server::~Server() = default;

int Server::run() {
  const int code = start();
  if (code != kExitClean) {
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
  for (const Diagnostic& d : diagnostics.list()) {
    const std::string text = d.text();
    printLine(stderr, text);
    if (logger_.writesToStderr()) continue;
    const LogLevel level = d.severity == Severity::kError     ? LogLevel::kErr
                           : d.severity == Severity::kWarning ? LogLevel::kWarning
                                                              : LogLevel::kNotice;
    logger_.log(level, text);
  }
  return diagnostics.hasErrors();
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
  if (!global.user.empty()) {
    const auto who = resolveIdentity(global.user, global.group);
    const auto reachable = who ? checkIdentityReachable(*who) : tl::unexpected(who.error());
    if (!reachable) {
      loaded.diagnostics.error(global.originOf("user"), sectionLabel(global), "user",
                               reachable.error().text);
    } else {
      log.fileOwner = who->uid;
      log.fileGroup = who->gid;
      listenOptions_.unixOwner = who->uid;
      listenOptions_.unixGroup = who->gid;
    }
  }
  if (auto configured = logger_.configure(log); !configured) {
    loaded.diagnostics.error(global.originOf("log"), sectionLabel(global), "log",
                             configured.error().text);
  }
  if (print(loaded.diagnostics)) return kExitConfig;

  if (auto ready = initTlsLibrary(); !ready) {
    logger_.log(LogLevel::kErr, ready.error().text);
    return kExitFatal;
  }
  auto keys = TicketKeys::createRandom();
  if (!keys) {
    logger_.log(LogLevel::kErr, keys.error().text);
    return kExitFatal;
  }
  ticketKeys_ = std::move(*keys);
  ResolverOptions resolving;
  resolving.onThreadStart = dropThreadCapabilities;
  resolving.onEvent = [this](ResolveEvent event, const std::string& text) {
    const LogLevel level = event == ResolveEvent::kFailed     ? LogLevel::kWarning
                           : event == ResolveEvent::kResolved ? LogLevel::kInfo
                                                              : LogLevel::kNotice;
    logger_.log(LogLine(level, "name resolution").add("result", text));
  };
  resolver_ = std::make_unique<Resolver>(std::move(resolving));
  Diagnostics certificates;
  runtime_ = buildRuntime(config_, nullptr, *resolver_, certificates);
  return print(certificates) ? kExitCertificate : kExitClean;
}

int Server::bindAll() {
  Diagnostics diagnostics;
  auto change = listeners_.prepare(config_, listenOptions_, diagnostics);
  if (print(diagnostics)) {
    ListenerTable::discard(std::move(change));
    return kExitBind;
  }
  firstListeners_ = listeners_.commit(std::move(change), runtime_);

  const CpuBudget cpus = detectCpuBudget();
  const unsigned workers = config_.global.workers != 0 ? config_.global.workers : cpus.workers;
  workersReason_ = config_.global.workers != 0 ? "configured" : cpus.reason;
  fdBudget_ = applyFdBudget(config_.global.maxTunnels, ownDescriptors(workers, 0));
  budget_.setLimit(fdBudget_.maxTunnels);
  shared_ = std::make_unique<WorkerShared>(
      WorkerShared{logger_, budget_, ticketKeys_.get(), nextTunnelId_});
  for (unsigned i = 0; i < workers; ++i) {
    workers_.push_back(std::make_unique<Worker>(i, *shared_, registry_.addBlock()));
  }
  return kExitClean;
}

int Server::becomeUser() {
  const GlobalOptions& global = config_.global;
  const auto refuse = [&](const char* key, const Error& error) {
    Diagnostics d;
    d.error(global.originOf(key), sectionLabel(global), key, error.text);
    print(d);
    return kExitBind;
  };
  if (!global.pidFile.empty()) {
    auto file = PidFile::create(global.pidFile);
    if (!file) return refuse("pid-file", file.error());
    pidFile_ = std::move(*file);
  }
  Identity who;
  if (!global.user.empty()) {
    auto resolved = resolveIdentity(global.user, global.group);
    if (!resolved) return refuse("user", resolved.error());
    who = std::move(*resolved);
  }
  auto dropped = dropPrivileges(global.user.empty() ? nullptr : &who);
  if (!dropped) return refuse("user", dropped.error());
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
  if (started) started = signals_.open({SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2});
  if (!started) {
    logger_.log(LogLevel::kErr, started.error().text);
    return kExitFatal;
  }
  prepareTimers();
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
  if (fdBudget_.reduced) {
    logger_.log(LogLine(LogLevel::kWarning, "max-tunnels is more than the descriptor limit allows")
                    .add("configured", config_.global.maxTunnels)
                    .add("effective", fdBudget_.maxTunnels)
                    .add("nofile_hard", fdBudget_.hard));
  }
}

/// One line for each listener that is not among `known`.
void Server::logListeners(const std::vector<BoundListener>& known) {
  for (const BoundListener& listener : listeners_.report()) {
    if (std::find(known.begin(), known.end(), listener) != known.end()) continue;
    logger_.log(LogLine(LogLevel::kNotice, "listening")
                    .add("service", listener.service)
                    .add("address", listener.address));
  }
}

void Server::announce() {
  logStartLine();
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
