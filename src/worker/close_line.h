// SPDX-License-Identifier: GPL-3.0-or-later
// What the log lines of closed tunnels and of refused connections have in common. Thread: any.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "log/log_line.h"
#include "net/address.h"
#include "net/close_reason.h"

namespace culvert {

/// Faults of peers are logged as info, faults of the environment as warnings, faults of culvert as
/// errors, and probes as debug.
LogLevel levelOfCause(CloseCause cause);

/// The wall clock time of the accept, computed from the monotonic clock. If the wall clock was set
/// meanwhile, the result is shifted by that change.
std::string startText(TimePoint accepted);

/// A connection that ended before it became a tunnel.
struct RefusedConnection {
  std::string_view service;  ///< "-" if it is not known
  const SocketAddress& client;
  const SocketAddress* proxy = nullptr;  ///< who sent the PROXY header; nullptr without one
  std::string_view serverName{};         ///< from the ClientHello; may be empty
  TimePoint accepted{};
  std::string_view message = "connection refused";
};
LogLine refusalLine(const RefusedConnection& connection, const CloseReason& reason);

}  // namespace culvert
