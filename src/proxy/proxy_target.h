// SPDX-License-Identifier: GPL-3.0-or-later
// ProxyTarget is the backend as a proxy gets it: a name, or the bytes of an address. Thread: any
// (values).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace culvert {

struct ProxyTarget {
  enum class Kind : uint8_t { kName, kIpv4, kIpv6 };

  Kind kind = Kind::kName;
  std::string host;     ///< the name or the literal, without brackets
  std::string address;  ///< the 4 or 16 bytes of a literal
  uint16_t port = 0;

  /// Returns `HOST:PORT`, with brackets around an IPv6 address.
  std::string authority() const;
};

/// Fails for an empty or too long name, for characters that host names and addresses do not have,
/// and for an IPv6 address with a zone, because a zone means nothing to another host.
Result<ProxyTarget> readProxyTarget(std::string_view host, uint16_t port);

}  // namespace culvert
