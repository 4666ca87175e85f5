// SPDX-License-Identifier: GPL-3.0-or-later
// AdminAddress names the daemon's admin endpoint: a UNIX socket, or a host and a port. Thread: any
// (values).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace culvert {

inline constexpr std::string_view kDefaultAdminAddress = "unix:/run/culvert/admin.sock";

struct AdminAddress {
  std::string path;  ///< of the UNIX socket; empty for TCP
  std::string host;  ///< an IPv6 address has no brackets
  std::string port;

  bool isUnix() const { return !path.empty(); }
  /// "unix:/path", "127.0.0.1:9443" or "[::1]:9443".
  std::string text() const;
  /// The value of the Host header.
  std::string hostHeader() const;
  bool operator==(const AdminAddress&) const = default;
};

/// Parses unix:/PATH, /PATH, ADDRESS:PORT, [ADDRESS]:PORT, localhost:PORT and PORT (on 127.0.0.1).
Result<AdminAddress> parseAdminAddress(std::string_view text);

}  // namespace culvert
