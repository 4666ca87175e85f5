// SPDX-License-Identifier: GPL-3.0-or-later
// HttpUrl is a parsed http:// address. https:// is neither supported nor needed, because the URL
// names an OCSP responder, and OCSP responses are signed. User names are not supported. Thread: any
// (values).
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

  /// Returns `host` or `host:port`, with brackets around an IPv6 address. The Host header contains
  /// this text, and the log uses it as the name of the server.
  std::string authority() const;
  std::string text() const { return "http://" + authority() + path; }
  bool operator==(const HttpUrl&) const = default;
};

/// Parses `http://HOST[:PORT][/PATH]`. Refuses blanks, control characters and non-ASCII bytes,
/// because a line break in the URL could add lines to the request. The error is one clause.
Result<HttpUrl> parseHttpUrl(std::string_view text);

}  // namespace culvert
