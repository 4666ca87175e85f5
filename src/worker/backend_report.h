// SPDX-License-Identifier: GPL-3.0-or-later
// The log's words for what tunnels learn of their backends: the line when an address fails or
// answers again, and the state of every address in the dump of USR2. Thread: any.
#pragma once

#include <vector>

#include "backend/connector.h"
#include "log/log_line.h"

namespace culvert {

/// The first failure of an address, with what is done about it; or that it answers again.
LogLine backendNewsLine(const ConnectorOptions& options, const AddressNews& news);

/// One line for each address that the service has now, and for each name without one.
std::vector<LogLine> backendStateLines(const ConnectorOptions& options, TimePoint now);

}  // namespace culvert
