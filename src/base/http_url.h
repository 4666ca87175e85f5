// SPDX-License-Identifier: GPL-3.0-or-later
// HttpUrl is a parsed http:// address. https and user names are not supported: the address is that
// of an OCSP responder, whose responses are signed. Thread: any (values).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace culvert {

struct HttpUrl {
  std::string host;  ///< lower case; an IPv6 address has no brackets
  uint16_t port = 80;
  std::string path = "/";  ///< includes the query

  /// `host` or `host:port`, with brackets around an IPv6 address: for the Host header, and as the
  /// name of a server.
  std::string authority() const;
  std::string text() const { return "http://" + authority() + path; }
  bool operator==(const HttpUrl&) const = default;
};

/// Parses `http://HOST[:PORT][/PATH]`. Refuses blanks, control characters and non-ASCII bytes, so
/// that no part can end a line of a request. The error is one clause.
Result<HttpUrl> parseHttpUrl(std::string_view text);

}  // namespace culvert
