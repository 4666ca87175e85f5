// SPDX-License-Identifier: GPL-3.0-or-later
// Log lines about backends: the line when an address fails or answers again, and the state of every
// address in the dump of USR2. Thread: any.
#pragma once

#include <vector>

#include "backend/connector.h"
#include "log/log_line.h"

namespace culvert {

/// The first failure of an address, with culvert's reaction, or the recovery of an address.
LogLine backendNewsLine(const ConnectorOptions& options, const AddressNews& news);

/// One line for each current address of the service, and for each name without an address.
std::vector<LogLine> backendStateLines(const ConnectorOptions& options, TimePoint now);

}  // namespace culvert
