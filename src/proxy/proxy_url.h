// SPDX-License-Identifier: GPL-3.0-or-later
// ProxyUrl is the parsed address of a proxy through which culvert reaches a backend. Its scheme
// says how culvert speaks to the proxy. Thread: any (values).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace culvert {

enum class ProxyScheme : uint8_t {
  kHttp,    ///< "http": CONNECT (RFC 9110 section 9.3.6)
  kSocks5,  ///< "socks5": RFC 1928. The proxy resolves the name of the backend.
};

struct ProxyUrl {
  static constexpr uint16_t kHttpPort = 3128;
  static constexpr uint16_t kSocks5Port = 1080;

  ProxyScheme scheme = ProxyScheme::kHttp;
  std::string host;  ///< lower case; an IPv6 address has no brackets
  uint16_t port = kHttpPort;

  /// Returns `HOST:PORT`, with brackets around an IPv6 address.
  std::string authority() const;
  /// Returns the whole address, always with the port.
  std::string text() const;
  bool operator==(const ProxyUrl&) const = default;
};

/// Parses `http://HOST[:PORT]` and `socks5://HOST[:PORT]`. The address has no path, no query and no
/// credentials. The error is one clause. It does not quote an address that may contain a password.
Result<ProxyUrl> parseProxyUrl(std::string_view text);

}  // namespace culvert
