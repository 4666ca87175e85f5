// SPDX-License-Identifier: GPL-3.0-or-later
// BackendSpec is one backend of the configuration: an address, or a DNS SRV name whose records give
// the addresses, and a weight. Thread: any (values).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/address.h"

namespace culvert {

struct BackendSpec {
  static constexpr unsigned kMostWeight = 100;

  AddressSpec address;  ///< not set for an SRV name
  std::string srv;      ///< for example `_redis._tcp.example.org`; empty for an address
  unsigned weight = 1;  ///< 1 to kMostWeight

  /// The canonical text without the weight, for example `host:443` or `srv:_redis._tcp.host`.
  std::string text() const;
  /// The domain of an SRV name: `example.org` of `_redis._tcp.example.org`.
  std::string srvDomain() const;
};

/// Parses `ADDRESS [weight=N]`. ADDRESS is an address as for parseAddress(), or
/// `srv:_NAME._tcp.DOMAIN` (RFC 2782). The error says what is wrong and what is allowed.
Result<BackendSpec> parseBackend(std::string_view text);

}  // namespace culvert
