// SPDX-License-Identifier: GPL-3.0-or-later
// See admin_desk.h.
#include "server/admin_desk.h"

#include "event/callback.h"
#include "server/reload_report.h"
#include "server/reports.h"
#include "tls/library/tls_library.h"

namespace culvert {

AdminDesk::AdminDesk(ServerParts& parts, Reload& reload, Drain& drain,
                     std::function<void()> onReload)
    : parts_(parts),
      reload_(reload),
      drain_(drain),
      onReload_(std::move(onReload)),
      levelTimer_(parts.loop, this, call<&AdminDesk::restoreLogLevel>) {}

Result<void> AdminDesk::start(std::string version) {
  version_ = std::move(version);
  level_ = {configuredLevel(), std::nullopt};
  auto started = parts_.doors.setThread([this] {
    std::vector<Worker*> workers;
    for (auto& worker : parts_.workers) workers.push_back(worker.get());
    return std::make_unique<AdminThread>(
        AdminParts{.logger = parts_.logger,
                   .registry = parts_.registry,
                   .budget = parts_.budget,
                   .serviceCounts = parts_.serviceCounts,
                   .control = *this,
                   .workers = std::move(workers),
                   .pingAcceptor = [this](std::function<void()> answer) {
                     parts_.acceptor->ping(std::move(answer));
                   }});
  });
  publish();
  return started;
}

void AdminDesk::publish() {
  AdminThread* thread = parts_.doors.thread();
  if (thread == nullptr) return;
  auto view = std::make_shared<AdminView>();
  const GlobalOptions& global = parts_.config.global;
  view->version = version_;
  view->tls = "wolfSSL " + tlsLibraryVersion();
  view->file = parts_.source.file();
  view->started = parts_.started;
  view->loaded = parts_.loaded;
  view->runtime = parts_.runtime;
  view->listeners = listeners();
  view->drained = parts_.drained;
  view->readyNeeds = global.readyNeeds;
  view->draining = drain_.begun();
  view->maxTunnels = parts_.fdBudget.maxTunnels;
  view->fingerprint = fingerprintOf(parts_.config);
  if (!global.ticketSecretFile.empty()) view->ticketIds = parts_.tickets.ids();
  view->log = level_;
  view->lastReload = reload_.last();
  thread->publish(std::move(view));
}

std::vector<AdminListener> AdminDesk::listeners() const {
  std::vector<AdminListener> all;
  if (drain_.begun()) return all;
  const RuntimeIndex index(parts_.runtime);
  parts_.listeners.forEachSeat([&](const ListenerTable::Seat& seat) {
    AdminListener listener{.spec = {}, .address = seat.address, .services = {}, .away = seat.away};
    if (auto spec = parseAddress(seat.address, AddressUse::kListen)) listener.spec = *spec;
    for (const std::string& name : seat.services)
      if (const RuntimeService* found = index.find(name))
        listener.services.push_back(found->service);
    all.push_back(std::move(listener));
  });
  return all;
}

void AdminDesk::reload(std::string by, std::function<void(ReloadReport)> done) {
  parts_.postBox.post([this, by = std::move(by), done = std::move(done)] {
    parts_.logger.log(LogLine(LogLevel::kNotice, "admin: reload").add("by", by));
    const auto report = reload_.run();
    onReload_();
    done(*report);
  });
}

void AdminDesk::drain(std::string by, std::function<void()> done) {
  parts_.postBox.post([this, by = std::move(by), done = std::move(done)] {
    parts_.logger.log(LogLine(LogLevel::kNotice, "admin: drain").add("by", by));
    if (!drain_.begun()) drain_.onSignal();
    reload_.stop();
    publish();
    done();
  });
}

void AdminDesk::drainService(std::string by, std::string name,
                             std::function<void(std::optional<ServiceDrain>)> done) {
  parts_.postBox.post([this, by = std::move(by), name = std::move(name), done = std::move(done)] {
    done(drainNow(by, name));
  });
}

std::optional<ServiceDrain> AdminDesk::drainNow(const std::string& by, const std::string& name) {
  if (parts_.runtime.find(name) == nullptr) return std::nullopt;
  if (drain_.begun()) return ServiceDrain{};
  auto dropped = parts_.listeners.dropService(name, parts_.runtime);
  parts_.acceptor->apply(std::move(dropped.update));
  parts_.drained.insert(name);
  parts_.logger.log(LogLine(LogLevel::kNotice, "admin: service drained until the next reload")
                        .add("by", by)
                        .add("service", name)
                        .add("listeners_closed", dropped.closed.size())
                        .add("listeners_shared", dropped.shared.size()));
  publish();
  return ServiceDrain{std::move(dropped.closed), std::move(dropped.shared)};
}

void AdminDesk::setLogLevel(std::string by, std::optional<LogLevel> level, Millis time,
                            std::function<void(LogLevelState)> done) {
  parts_.postBox.post([this, by = std::move(by), level, time, done = std::move(done)] {
    setLevelNow(by, level, time);
    done(level_);
  });
}

void AdminDesk::setLevelNow(const std::string& by, std::optional<LogLevel> level, Millis time) {
  level_ = {level.value_or(configuredLevel()), std::nullopt};
  levelTimer_.disarm();
  if (level && time.count() != 0) {
    level_.until = std::chrono::system_clock::now() + time;
    levelTimer_.armBy(parts_.loop.now() + time);
  }
  parts_.logger.log(LogLine(LogLevel::kNotice, "admin: log level")
                        .add("by", by)
                        .add("level", logLevelName(level_.level))
                        .add("until", level_.until ? renderTime(*level_.until) : "changed"));
  parts_.logger.setLevel(level_.level);
  publish();
}

void AdminDesk::restoreLogLevel() {
  forgetLogLevel();
  parts_.logger.setLevel(level_.level);
  parts_.logger.log(LogLine(LogLevel::kNotice, "the configured log level is in force again")
                        .add("level", logLevelName(level_.level)));
  publish();
}

void AdminDesk::forgetLogLevel() {
  levelTimer_.disarm();
  level_ = {configuredLevel(), std::nullopt};
}

LogLevel AdminDesk::configuredLevel() const {
  return logOptionsOf(parts_.config.global, parts_.daemon).level;
}

}  // namespace culvert
