// SPDX-License-Identifier: GPL-3.0-or-later
// The log lines of the start and of reloads: what runs, where it listens, what was wrong with the
// configuration. Thread: control.
#pragma once

#include <string>
#include <vector>

#include "process/privileges.h"
#include "server/parts.h"

namespace culvert {

/// The log as the configuration wants it; `daemon` decides what `auto` means.
LogOptions logOptionsOf(const GlobalOptions& global, bool daemon);

/// Every line to stderr as it is, and to the log where that is somewhere else. True when there was
/// an error.
bool print(Logger& logger, const Diagnostics& diagnostics);
void logAll(Logger& logger, const Diagnostics& diagnostics);

void logStartLine(ServerParts& parts, const std::string& version, const std::string& workersReason,
                  const PrivilegeReport& privileges);
/// By an id that shows nothing of the secret, so that an operator can compare replicas.
void logTicketSecret(ServerParts& parts);
void warnOfDescriptors(ServerParts& parts);
/// One line for each listener that is not among `known`, and for each of those that is gone.
void logListeners(ServerParts& parts, const std::vector<BoundListener>& known);

}  // namespace culvert
