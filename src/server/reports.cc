// SPDX-License-Identifier: GPL-3.0-or-later
// See reports.h.
#include "server/reports.h"

#include <algorithm>
#include <cstdio>

#include "base/standard_streams.h"
#include "tls/library/tls_library.h"
#include "tls/session/session_export.h"

namespace culvert {

LogOptions logOptionsOf(const GlobalOptions& global, bool daemon) {
  LogOptions options;
  options.target = global.log.sink;
  if (options.target == LogTarget::kAuto)
    options.target = daemon ? LogTarget::kSyslog : LogTarget::kStderr;
  options.path = global.log.path;
  options.level = static_cast<LogLevel>(global.logLevel);
  options.format = global.logFormat;
  options.facility = global.syslogFacility;
  return options;
}

bool print(Logger& logger, const Diagnostics& diagnostics) {
  for (const Diagnostic& d : diagnostics.list()) printLine(stderr, d.text());
  if (!logger.writesToStderr()) logAll(logger, diagnostics);
  return diagnostics.hasErrors();
}

void logAll(Logger& logger, const Diagnostics& diagnostics) {
  for (const Diagnostic& d : diagnostics.list()) {
    logger.log(d.severity == Severity::kError     ? LogLevel::kErr
               : d.severity == Severity::kWarning ? LogLevel::kWarning
                                                  : LogLevel::kNotice,
               d.text());
  }
}

void logStartLine(ServerParts& parts, const std::string& version, const std::string& workersReason,
                  const PrivilegeReport& privileges) {
  parts.logger.log(LogLine(LogLevel::kNotice, "culvert starts")
                       .add("version", version)
                       .add("tls", "wolfSSL " + tlsLibraryVersion())
                       .add("cpu", tlsCpuText())
                       .add("records", recordsText())
                       .add("workers", parts.workers.size())
                       .add("workers_why", workersReason)
                       .add("max_tunnels", parts.fdBudget.maxTunnels)
                       .add("max_tunnels_why", parts.fdBudget.reason)
                       .add("nofile", parts.fdBudget.nofile)
                       .add("privileges", privileges.text)
                       .add("config", parts.source.file().empty() ? std::string_view("(none)")
                                                                  : parts.source.file()));
  if (privileges.runsAsRoot) {
    parts.logger.log(LogLevel::kWarning,
                     "running as root: set user in [global] to drop privileges after binding");
  }
  warnOfDescriptors(parts);
}

void logTicketSecret(ServerParts& parts) {
  const std::string& file = parts.config.global.ticketSecretFile;
  if (file.empty()) return;
  parts.logger.log(LogLine(LogLevel::kNotice, "session ticket secret")
                       .add("file", file)
                       .add("id", parts.tickets.ids()));
}

void warnOfDescriptors(ServerParts& parts) {
  if (!parts.fdBudget.reduced) return;
  parts.logger.log(
      LogLine(LogLevel::kWarning, "max-tunnels is more than the descriptor limit allows")
          .add("configured", parts.config.global.maxTunnels)
          .add("effective", parts.fdBudget.maxTunnels)
          .add("nofile_hard", parts.fdBudget.hard));
}

void logListeners(ServerParts& parts, const std::vector<BoundListener>& known) {
  const auto now = parts.listeners.report();
  const auto tell = [&parts](const char* what, const auto& of, const auto& butNot) {
    for (const BoundListener& listener : of) {
      if (std::find(butNot.begin(), butNot.end(), listener) != butNot.end()) continue;
      parts.logger.log(LogLine(LogLevel::kNotice, what)
                           .add("service", listener.service)
                           .add("address", listener.address));
    }
  };
  tell("listening", now, known);
  tell("no longer listening", known, now);
}

}  // namespace culvert
