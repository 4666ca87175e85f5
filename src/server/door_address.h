// SPDX-License-Identifier: GPL-3.0-or-later
// The addresses of the HTTP servers: what the options metrics and admin may name. Thread: control.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "net/socket_ops.h"

namespace culvert {

/// One socket of an HTTP server.
struct DoorAddress {
  bool admin = false;                        ///< false: metrics
  AddressKind kind = AddressKind::kLiteral;  ///< kWildcard, kLiteral or kUnix
  uint16_t port = 0;
  SocketAddress address{};  ///< not set for a wildcard
  std::string key;          ///< equal for equal addresses of the same option

  Result<UniqueFd> bind(const ListenOptions& options) const;
  /// True if other users of this machine can connect.
  bool isTcp() const { return kind != AddressKind::kUnix; }
};

/// Returns the sockets that the two options require. A host name is resolved. Each error has the
/// place of its option.
std::vector<DoorAddress> doorAddresses(const GlobalOptions& global, Diagnostics& diagnostics);

}  // namespace culvert
