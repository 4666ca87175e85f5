// SPDX-License-Identifier: GPL-3.0-or-later
// See http_url.h.
#include "base/http_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/ascii.h"
#include "base/words.h"

namespace culvert {
namespace {

constexpr size_t kLongestUrl = 2048;
constexpr std::string_view kScheme = "http://";

bool isHostCharacter(char c) { return isAlnum(c) || c == '-' || c == '.' || c == '_'; }
bool isAddressCharacter(char c) { return isAlnum(c) || c == ':' || c == '.' || c == '%'; }

tl::unexpected<Error> refuse(std::string_view text, std::string_view why) {
  return fail(
      fmt::format("\"{}\" {}; allowed: http://HOST[:PORT][/PATH]", printable(text, 100), why));
}

}  // namespace

std::string HttpUrl::authority() const {
  std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != 80) out += ":" + std::to_string(port);
  return out;
}

Result<HttpUrl> parseHttpUrl(std::string_view text) {
  if (text.size() > kLongestUrl) return refuse(text, "is too long");
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; }))
    return refuse(text, "has a character that an address must not have");
  if (text.size() < kScheme.size() || !equalNoCase(text.substr(0, kScheme.size()), kScheme))
    return refuse(text, "is not an http:// address");
  text.remove_prefix(kScheme.size());
  const size_t end = std::min(text.find_first_of("/?#"), text.size());
  std::string_view authority = text.substr(0, end);
  std::string_view path = text.substr(end);
  path = path.substr(0, path.find('#'));

  HttpUrl url;
  size_t hostEnd = 0;
  if (authority.starts_with('[')) {
    hostEnd = authority.find(']');
    if (hostEnd == std::string_view::npos) return refuse(authority, "lacks a closing bracket");
    url.host = lower(authority.substr(1, hostEnd - 1));
    ++hostEnd;
  } else {
    hostEnd = std::min(authority.find(':'), authority.size());
    url.host = lower(authority.substr(0, hostEnd));
  }
  const bool bracketed = hostEnd > url.host.size();
  if (url.host.empty() || !std::all_of(url.host.begin(), url.host.end(),
                                       bracketed ? isAddressCharacter : isHostCharacter))
    return refuse(authority, "has no host");
  std::string_view port = authority.substr(hostEnd);
  if (!port.empty()) {
    port.remove_prefix(1);
    const auto read = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (authority[hostEnd] != ':' || read.ec != std::errc() ||
        read.ptr != port.data() + port.size() || url.port == 0)
      return refuse(authority, "needs a port from 1 to 65535");
  }
  if (!path.empty()) url.path = (path.front() == '/' ? "" : "/") + std::string(path);
  return url;
}

}  // namespace culvert
