// SPDX-License-Identifier: GPL-3.0-or-later
// See reload.h.
#include "server/reload.h"

#include <utility>

#include "event/callback.h"
#include "process/privileges.h"
#include "server/health_report.h"
#include "server/reload_report.h"
#include "server/reports.h"

namespace culvert {

Reload::Reload(ServerParts& parts)
    : parts_(parts),
      certificates_(parts.loop, parts.logger, parts.counters, this,
                    call<&Reload::onCertificatesDue>) {}

void Reload::start() {
  const ControlPrivileges raised;
  certificates_.start(parts_.config, parts_.runtime);
}

std::shared_ptr<const ReloadReport> Reload::run() {
  const auto report = std::make_shared<ReloadReport>();
  report->time = std::chrono::system_clock::now();
  last_ = report;
  if (stopped_) {
    parts_.logger.log(LogLevel::kNotice, "reload ignored: culvert is draining");
    report->draining = true;
    return report;
  }
  parts_.notify.reloading();
  Diagnostics diagnostics;
  {
    const ControlPrivileges raised;  // to read new keys and to bind ports below 1024
    report->done = replaceAll(diagnostics, *report);
  }
  const bool done = report->done;
  addRemarks(diagnostics, *report);
  logAll(parts_.logger, diagnostics);
  parts_.counters.add(done ? Counter::kReloadsOk : Counter::kReloadsFailed);
  if (done) {
    parts_.logger.log(LogLine(LogLevel::kNotice, "reload done")
                          .add("services", parts_.runtime.services.size())
                          .add("listeners", parts_.listeners.size()));
  } else {
    parts_.logger.log(LogLine(LogLevel::kErr, "reload failed: nothing was changed")
                          .add("errors", diagnostics.errors()));
  }
  parts_.notify.ready();
  return report;
}

/// First does all steps that can fail, then the commit, which cannot fail.
bool Reload::replaceAll(Diagnostics& diagnostics, ReloadReport& report) {
  const InForce before{parts_.config, parts_.runtime};
  Preparation made = prepare(parts_.source, {.reason = PrepareReason::kReload,
                                             .resolver = *parts_.resolver,
                                             .tickets = parts_.tickets,
                                             .before = &before,
                                             .workers = parts_.workers.size(),
                                             .counts = &parts_.serviceCounts});
  diagnostics = std::move(made.diagnostics);
  if (diagnostics.hasErrors()) return false;
  const auto note = [&](const Error& error) {
    diagnostics.error(Origin::file(parts_.source.file(), 0), {}, {}, error.text);
  };
  if (const auto started = parts_.resolver->start(); !started)  // because the first host name may
                                                                // be new
    note(started.error());
  auto change = parts_.listeners.prepare(made.config, parts_.listenOptions, diagnostics);
  auto doors = parts_.doors.prepare(made.config.global, parts_.listenOptions, diagnostics);
  Result<bool> newSecrets = false;
  if (!diagnostics.hasErrors())
    newSecrets = parts_.tickets.apply(std::move(made.tickets), made.config.global.ticketRotation);
  if (!newSecrets) note(newSecrets.error());
  if (diagnostics.hasErrors()) {
    ListenerTable::discard(std::move(change));
    AdminDoors::discard(std::move(doors));
    return false;
  }
  commit(std::move(made), std::move(change), std::move(doors), report);
  if (*newSecrets) logTicketSecret(parts_);
  return true;
}

void Reload::commit(Preparation made, ListenerTable::Change change, AdminDoors::Change doors,
                    ReloadReport& report) {
  const auto known = parts_.listeners.report();
  compareConfigs(parts_.config, made.config, report);
  compareCertificates(parts_.runtime, made.runtime, report);
  parts_.acceptor->apply(parts_.listeners.commit(std::move(change), made.runtime));
  logListeners(parts_, known);
  compareListeners(known, parts_.listeners.report(), report);
  parts_.drained.clear();
  parts_.loaded = report.time;
  std::swap(parts_.runtime, made.runtime);
  reviewTrust(made.runtime);
  parts_.config = std::move(made.config);
  parts_.staples.follow(parts_.runtime);
  dropUnusedContexts();
  certificates_.follow(parts_.config, parts_.runtime);
  followHealth();
  openDoors(std::move(doors));
  parts_.fdBudget = reapplyFdBudget(parts_.config.global.maxTunnels, parts_.fdBudget);
  parts_.budget.setLimit(parts_.fdBudget.maxTunnels);
  parts_.commitLimits();
  applyMemoryLimit(parts_);
  parts_.acceptor->wake();
  // A reload can change the level of the log, but not its target.
  parts_.logger.setLevel(logOptionsOf(parts_.config.global, parts_.daemon).level);
  warnOfDescriptors(parts_);
}

/// Applies the current CAs, CRLs and allow rules to the clients of open tunnels and of handshakes
/// in progress, too.
void Reload::reviewTrust(const Runtime& before) {
  auto changed = changedTrust(before, parts_.runtime);
  if (changed.empty()) return;
  const auto services = std::make_shared<const TrustReview::Services>(std::move(changed));
  for (auto& worker : parts_.workers) worker->reviewTrust(services);
}

void Reload::openDoors(AdminDoors::Change doors) {
  if (!doors.entries.empty() && !parts_.doors.wanted() && parts_.doors.thread() == nullptr)
    parts_.fdBudget.own += AdminDoors::kDescriptors;
  parts_.doors.commit(std::move(doors), parts_.logger);
}

void Reload::followHealth() {
  auto services = checkedServices(parts_.runtime);
  if (!services.empty() && !parts_.health.running())
    parts_.fdBudget.own += HealthThread::kDescriptors;
  if (const auto followed = parts_.health.follow(std::move(services)); !followed)
    parts_.logger.log(
        LogLine(LogLevel::kErr, "health checks not started").add("error", followed.error().text));
}

void Reload::dropUnusedContexts() {
  for (auto& worker : parts_.workers) worker->dropUnusedContexts();
}

/// Called when certificate files have changed, and every 30 s.
void Reload::onCertificatesDue() {
  if (stopped_) return;
  const ControlPrivileges raised;
  certificates_.refresh(parts_.config, parts_.runtime, [this](const Runtime& before) {
    parts_.acceptor->apply(parts_.listeners.renew(parts_.runtime));
    reviewTrust(before);
    parts_.staples.follow(parts_.runtime);
    followHealth();
    dropUnusedContexts();
  });
  if (onRefresh_) onRefresh_();
}

}  // namespace culvert
