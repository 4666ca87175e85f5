// SPDX-License-Identifier: GPL-3.0-or-later
// The log lines of the start and of reloads: versions and settings, listeners, and errors of the
// configuration. Thread: control.
#pragma once

#include <string>
#include <vector>

#include "process/privileges.h"
#include "server/parts.h"

namespace culvert {

/// The log options of the configuration; `daemon` decides what `auto` means.
LogOptions logOptionsOf(const GlobalOptions& global, bool daemon);

/// Writes every line to stderr, and to the log if the log is not stderr. Returns true if there was
/// an error.
bool print(Logger& logger, const Diagnostics& diagnostics);
void logAll(Logger& logger, const Diagnostics& diagnostics);

void logStartLine(ServerParts& parts, const std::string& version, const std::string& workersReason,
                  const PrivilegeReport& privileges);
/// Logs the id of the ticket secret, so that an operator can compare replicas. The secret cannot be
/// derived from the id.
void logTicketSecret(ServerParts& parts);
void warnOfDescriptors(ServerParts& parts);
/// Logs one line for each listener that is not in `known`, and for each listener in `known` that
/// was removed.
void logListeners(ServerParts& parts, const std::vector<BoundListener>& known);

}  // namespace culvert
