// SPDX-License-Identifier: GPL-3.0-or-later
// What the control thread does once everything runs: reload as a transaction, drain and end, the
// state dump, the look at the workers' heartbeats. See server.h.
#include <fmt/format.h>
#include <malloc.h>

#include <csignal>

#include "server/backend_names.h"
#include "server/server.h"
#include "tls/library/tls_library.h"
#include "worker/backend_report.h"

namespace culvert {
namespace {

constexpr Millis kTick{500};

// A turn longer than this keeps a worker's other tunnels waiting noticeably.
constexpr uint64_t kLateTurnMicros = 1'000'000;

}  // namespace

void Server::prepareTimers() {
  drainTimer_ = std::make_unique<Timer>(
      loop_, this, [](void* self) { static_cast<Server*>(self)->onDrainTimeout(); });
  tick_ = std::make_unique<Timer>(loop_, this,
                                  [](void* self) { static_cast<Server*>(self)->onTick(); });
  tick_->armBy(Clock::now() + kTick);
  reportedTurn_.resize(workers_.size());
}

void Server::onSignal(int signal) {
  switch (signal) {
    case SIGTERM:
    case SIGINT:
      if (draining_) return cutAll("second signal");
      endWanted_ = true;
      return beginDrain();
    case SIGHUP:
      return reload();
    case SIGUSR1:
      return logger_.reopen();
    case SIGUSR2:
      return dumpState();
    default:
      return;
  }
}

void Server::reload() {
  if (draining_) return logger_.log(LogLevel::kNotice, "reload ignored: culvert is draining");
  notify_.reloading();
  Diagnostics diagnostics;
  bool done = false;
  {
    const ControlPrivileges raised;  // read renewed keys, bind ports below 1024
    done = reloadConfig(diagnostics);
  }
  logAll(diagnostics);
  counters_.add(done ? Counter::kReloadsOk : Counter::kReloadsFailed);
  if (done) {
    logger_.log(LogLine(LogLevel::kNotice, "reload done")
                    .add("services", runtime_.services.size())
                    .add("listeners", listeners_.size()));
  } else {
    logger_.log(LogLine(LogLevel::kErr, "reload failed: nothing was changed")
                    .add("errors", diagnostics.errors()));
  }
  notify_.ready();
}

/// Everything that can fail first, then the commit, which cannot.
bool Server::reloadConfig(Diagnostics& diagnostics) {
  LoadOutcome loaded = source_.load(serverValidators());
  diagnostics.append(loaded.diagnostics);
  if (diagnostics.hasErrors()) return false;
  diagnostics.append(restartOnlyChanges(config_, loaded.config, source_.file()));
  if (diagnostics.hasErrors()) return false;
  checkNewBackends(loaded.config, config_, {.onThreadStart = dropThreadCapabilities}, diagnostics);
  Runtime runtime = buildRuntime(loaded.config, &runtime_, *resolver_, diagnostics);
  openKeyLogs(loaded.config, runtime, diagnostics);
  auto secrets = tickets_.load(loaded.config.global, diagnostics);
  if (diagnostics.hasErrors()) return false;
  if (auto started = resolver_->start(); !started)  // for the names that are new
    diagnostics.error(Origin::file(source_.file(), 0), {}, {}, started.error().text);
  auto change = listeners_.prepare(loaded.config, listenOptions_, diagnostics);
  Result<bool> newSecrets = false;
  if (!diagnostics.hasErrors())
    newSecrets = tickets_.apply(std::move(*secrets), loaded.config.global.ticketRotation);
  if (!newSecrets)
    diagnostics.error(Origin::file(source_.file(), 0), {}, {}, newSecrets.error().text);
  if (diagnostics.hasErrors()) {
    ListenerTable::discard(std::move(change));
    return false;
  }

  const auto known = listeners_.report();
  acceptor_->apply(listeners_.commit(std::move(change), runtime));
  logListeners(known);
  std::swap(runtime_, runtime);
  reviewTrust(runtime);
  config_ = std::move(loaded.config);
  staples_.follow(runtime_);
  for (auto& worker : workers_) worker->dropUnusedContexts();
  certificates_.follow(config_, runtime_);
  fdBudget_ = reapplyFdBudget(config_.global.maxTunnels, fdBudget_);
  budget_.setLimit(fdBudget_.maxTunnels);
  acceptor_->wake();
  // Where the log goes cannot change while culvert runs; how much of it can.
  logger_.setLevel(logOptionsOf(config_.global, options_.daemon).level);
  warnOfDescriptors();
  if (*newSecrets) logTicketSecret();
  return true;
}

/// Who was let in by other CAs, lists or rules is judged by those of now, whether its tunnel lives
/// or its handshake is under way.
void Server::reviewTrust(const Runtime& before) {
  auto changed = changedTrust(before, runtime_);
  if (changed.empty()) return;
  const auto services = std::make_shared<const TrustReview::Services>(std::move(changed));
  for (auto& worker : workers_) worker->reviewTrust(services);
}

/// Some files have changed by themselves, or half a minute has passed.
void Server::onCertificatesDue() {
  if (draining_) return;
  const ControlPrivileges raised;
  certificates_.refresh(config_, runtime_, [this](const Runtime& before) {
    acceptor_->apply(listeners_.renew(runtime_));
    reviewTrust(before);
    staples_.follow(runtime_);
    for (auto& worker : workers_) worker->dropUnusedContexts();
  });
}

/// Where memory runs out on the way, the next tick begins again.
void Server::beginDrain() {
  acceptor_->stop();
  const Millis limit = config_.global.drainTimeout;
  logger_.tell(LogLevel::kNotice, [&] {
    LogLine line(LogLevel::kNotice, "draining: no new connections");
    line.add("tunnels", budget_.open());
    return limit.count() == 0 ? line.add("drain_timeout", "off")
                              : line.addMillis("drain_timeout_ms", limit);
  });
  drainDeadline_ = deadlineAfter(loop_.now(), limit);
  drainTimer_->armBy(drainDeadline_);
  for (auto& worker : workers_) {
    worker->drain([this] {
      ++drainedWorkers_;
      mailbox_.wake();
    });
  }
  draining_ = true;
  mailbox_.wake();  // they may be empty already
  notify_.stopping("draining");
  listeners_.removeSocketFiles();
}

/// Where the process stood still, its tunnels have that much longer, once.
void Server::onDrainTimeout() {
  const TimePoint now = loop_.now();
  const auto late =
      standstill(std::exchange(drainDeadline_, kNever), now, config_.global.drainTimeout);
  if (late.count() != 0) return drainTimer_->armBy(now + late);
  cutAll("drain-timeout has passed");
}

void Server::cutAll(const char* why) {
  const size_t open = budget_.open();
  if (open == 0) return;
  cut_ = open;
  logger_.tell(LogLevel::kWarning, [&] {
    return LogLine(LogLevel::kWarning, "cutting what is left")
        .add("reason", why)
        .add("tunnels", open);
  });
  for (auto& worker : workers_) worker->cutAll(CloseCause::kDrain);
}

void Server::finishDrain() {
  for (auto& worker : workers_) worker->stop(CloseCause::kDrain);
  loop_.guard([this] { dumpState(); });
  logger_.tell(LogLevel::kNotice,
               [this] { return LogLine(LogLevel::kNotice, "culvert ends").add("cut", cut_); });
  staples_.stop();
  resolver_.reset();
  pidFile_.remove();
  logger_.stop();
}

void Server::dumpState() {
  CounterSnapshot snapshot = registry_.snapshot();
  const LogCounts log = logger_.counts();
  snapshot.set(Counter::kLogLinesWritten, log.written);
  snapshot.set(Counter::kLogLinesDropped, log.dropped);
  snapshot.set(Counter::kLogLinesSuppressed, log.suppressed);
  CertificateKeeper::count(runtime_, snapshot);
  for (const auto& worker : workers_) {
    logger_.log(LogLine(LogLevel::kNotice, "state")
                    .add("worker", worker->name())
                    .add("tunnels", worker->load()));
  }
  const auto listening = draining_ ? std::vector<BoundListener>() : listeners_.report();
  for (const BoundListener& listener : listening) {
    logger_.log(LogLine(LogLevel::kNotice, "state")
                    .add("service", listener.service)
                    .add("listening", listener.address));
  }
  for (const RuntimeService& one : runtime_.services) {
    for (const LogLine& line : backendStateLines(one.service->profile->connect, loop_.now()))
      logger_.log(line);
  }
  snapshot.set(Counter::kOcspResponsesHeld, staples_.dump());
  const auto counts = namedCounts(snapshot, kCloseCauseNames);
  LogLine line(LogLevel::kNotice, "counters");
  for (const NamedCount& count : counts) line.add(count.name, count.value);
  logger_.log(line);
}

void Server::onTick() {
  tick_->armBy(loop_.now() + kTick);  // whatever becomes of the rest
  if (endWanted_ && !draining_) beginDrain();
  if (auto rotated = tickets_.rotate(); !rotated) {
    logger_.log(
        LogLine(LogLevel::kErr, "ticket keys not rotated").add("error", rotated.error().text));
  } else if (*rotated) {
    logger_.log(LogLevel::kDebug, "ticket keys rotated");
  }
  watchWorkers();
  watchMemory();
  tellBackendNews();
  staples_.onTick(loop_.now());
  certificates_.onTick(runtime_);
}

/// What a worker's line would have been too much for, and has lasted.
void Server::tellBackendNews() {
  for (const RuntimeService& one : runtime_.services) {
    const ConnectorOptions& options = one.service->profile->connect;
    for (const AddressNews& news : options.memory->overdue(loop_.now()))
      logger_.log(backendNewsLine(options, news));
  }
}

void Server::watchWorkers() {
  const auto now = static_cast<uint64_t>(
      std::chrono::duration_cast<Micros>(loop_.now().time_since_epoch()).count());
  for (size_t i = 0; i < workers_.size(); ++i) {
    const uint64_t since = workers_[i]->busySinceMicros();
    if (since == 0 || now < since + kLateTurnMicros || reportedTurn_[i] == since) continue;
    reportedTurn_[i] = since;
    counters_.add(Counter::kLateTurns);
    logger_.log(LogLine(LogLevel::kWarning, "a worker's turn is late")
                    .add("worker", workers_[i]->name())
                    .add("busy_ms", (now - since) / 1000));
  }
}

/// After a burst the heaps are full of holes that malloc keeps for itself. malloc_trim() goes over
/// the heaps of all threads, each under its lock, 0.5 to 1 ms for 1,000 tunnels that have gone. So
/// it is called once and here: a worker waits at most for its own heap's turn, and only if it
/// allocates meanwhile.
void Server::watchMemory() {
  if (!burst_.isOver(budget_.takeMost(), loop_.now())) return;
  const TimePoint start = Clock::now();
  for (auto& worker : workers_) worker->trimPool();
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  counters_.add(Counter::kMemoryTrims);
  const auto took = std::chrono::duration_cast<Micros>(Clock::now() - start).count();
  logger_.log(LogLine(LogLevel::kDebug, "memory given back after a burst")
                  .add("tunnels", budget_.open())
                  .add("took_us", took));
}

}  // namespace culvert
