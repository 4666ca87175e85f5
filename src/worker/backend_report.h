// SPDX-License-Identifier: GPL-3.0-or-later
// Makes the log lines about backends. There is a line when an address fails or answers again, and a
// line per address in the state dump (USR2). Thread: any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backend/connector.h"
#include "log/log_line.h"

namespace culvert {

/// The line that reports that an address has failed (with culvert's reaction) or answers again.
LogLine backendNewsLine(const ConnectorOptions& options, const AddressNews& news);

/// The line that reports that checks or failed tunnels have changed the state of an address.
LogLine poolNewsLine(const ConnectorOptions& options, const PoolNews& news);
/// The lines of both kinds.
std::vector<LogLine> backendEventLines(const ConnectorOptions& options,
                                       const BackendEvents& events);

/// The state of an address in words.
struct BackendWords {
  std::string_view status;  ///< up, failing, silent, down, ejected or unresolved
  std::string_view check;   ///< up, down, unknown or off
  std::string error;        ///< why it is not up; empty if it is
  TimePoint since{};        ///< since when it is not up; zero if it is
};
BackendWords backendWords(const BackendPool& pool, const BackendState& state);

/// One line for each current address of the service, and one line for each host name without an
/// address.
std::vector<LogLine> backendStateLines(const ConnectorOptions& options, TimePoint now);

}  // namespace culvert
