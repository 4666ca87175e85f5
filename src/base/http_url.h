// SPDX-License-Identifier: GPL-3.0-or-later
// HttpUrl is an http:// address taken apart. No https, no user names: it names OCSP responders,
// whose answers carry a signature of their own. Thread: any (values).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace culvert {

struct HttpUrl {
  std::string host;  ///< lower case; an IPv6 address stands without its brackets
  uint16_t port = 80;
  std::string path = "/";  ///< with the query

  /// `host` or `host:port`, brackets around an IPv6 address: for the Host header, and the name of a
  /// server.
  std::string authority() const;
  std::string text() const { return "http://" + authority() + path; }
  bool operator==(const HttpUrl&) const = default;
};

/// Parses `http://HOST[:PORT][/PATH]`. Nothing of it can end a line of a request: blanks, control
/// characters and bytes beyond ASCII are refused. The error is one clause.
Result<HttpUrl> parseHttpUrl(std::string_view text);

}  // namespace culvert
