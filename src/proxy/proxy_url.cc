// SPDX-License-Identifier: GPL-3.0-or-later
// See proxy_url.h.
#include "proxy/proxy_url.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/ascii.h"
#include "base/words.h"

namespace culvert {
namespace {

constexpr size_t kLongestProxyUrl = 512;
constexpr size_t kLongestProxyHost = 253;
constexpr std::string_view kProxyHttp = "http://";
constexpr std::string_view kProxySocks5 = "socks5://";
constexpr std::string_view kProxyAllowed = "allowed: http://HOST[:PORT] or socks5://HOST[:PORT]";

bool isProxyHostCharacter(char c) { return isAlnum(c) || c == '-' || c == '.' || c == '_'; }

tl::unexpected<Error> refuseProxyUrl(std::string_view text, std::string_view why) {
  return fail(fmt::format("\"{}\" {}; {}", printable(text, 100), why, kProxyAllowed));
}

/// Removes `scheme` from the start of `text`. Returns false if `text` does not start with it.
bool takeProxyScheme(std::string_view& text, std::string_view scheme) {
  if (text.size() < scheme.size() || !equalNoCase(text.substr(0, scheme.size()), scheme))
    return false;
  text.remove_prefix(scheme.size());
  return true;
}

/// Says what is wrong with an address that has another scheme, or none.
tl::unexpected<Error> refuseProxyScheme(std::string_view text) {
  const size_t end = text.find("://");
  if (end == std::string_view::npos) return refuseProxyUrl(text, "has no scheme");
  std::string_view why = "is not an http:// or socks5:// address";
  if (equalNoCase(text.substr(0, end), "https"))
    why = "is not supported: culvert speaks to the proxy without TLS";
  if (equalNoCase(text.substr(0, end), "socks5h"))
    why = "is not supported: with socks5:// the proxy resolves names too";
  return refuseProxyUrl(text, why);
}

/// Returns "" if `host`, which was in brackets, is an IPv6 address, with or without a zone.
std::string_view proxyAddressFault(std::string_view host) {
  const size_t zone = host.find('%');
  const std::string address(host.substr(0, zone));
  in6_addr parsed;
  if (::inet_pton(AF_INET6, address.c_str(), &parsed) != 1)
    return "has no IPv6 address in its brackets";
  if (zone == std::string_view::npos) return {};
  const std::string_view name = host.substr(zone + 1);
  return !name.empty() && std::ranges::all_of(name, isProxyHostCharacter)
             ? std::string_view()
             : "has a zone that is not a name";
}

std::string_view proxyNameFault(std::string_view host) {
  if (host.empty()) return "has no host";
  if (host.size() > kLongestProxyHost) return "has a host name of more than 253 bytes";
  if (!std::ranges::all_of(host, isProxyHostCharacter)) return "has no valid host";
  return {};
}

/// Reads `HOST[:PORT]` into `url`. Returns what is wrong, or "".
std::string_view readProxyAuthority(std::string_view authority, ProxyUrl& url) {
  std::string_view host = authority, port;
  if (authority.starts_with('[')) {
    const size_t end = authority.find(']');
    if (end == std::string_view::npos) return "lacks a closing bracket";
    host = authority.substr(1, end - 1);
    port = authority.substr(end + 1);
    if (const std::string_view fault = proxyAddressFault(host); !fault.empty()) return fault;
  } else {
    const size_t end = std::min(authority.find(':'), authority.size());
    host = authority.substr(0, end);
    port = authority.substr(end);
    if (std::ranges::count(authority, ':') > 1) return "needs brackets around an IPv6 address";
    if (const std::string_view fault = proxyNameFault(host); !fault.empty()) return fault;
  }
  url.host = lower(host);
  if (port.empty()) return {};
  const char* end = port.data() + port.size();
  const auto read = std::from_chars(port.data() + 1, end, url.port);
  if (port.front() != ':' || read.ec != std::errc() || read.ptr != end || url.port == 0)
    return "needs a port from 1 to 65535";
  return {};
}

}  // namespace

std::string ProxyUrl::authority() const {
  const bool literal = host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", literal ? "[" : "", host, literal ? "]" : "", port);
}

std::string ProxyUrl::text() const {
  return std::string(scheme == ProxyScheme::kHttp ? kProxyHttp : kProxySocks5) + authority();
}

Result<ProxyUrl> parseProxyUrl(std::string_view text) {
  // No later error may quote a password, so this check is the first one.
  if (text.find('@') != std::string_view::npos)
    return fail(
        fmt::format("the address has a user before its '@'; credentials belong in "
                    "via-auth-file; {}",
                    kProxyAllowed));
  if (text.size() > kLongestProxyUrl) return refuseProxyUrl(text, "is too long");
  if (!std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; }))
    return refuseProxyUrl(text, "has a character that an address must not have");
  ProxyUrl url;
  std::string_view authority = text;
  if (takeProxyScheme(authority, kProxySocks5)) {
    url.scheme = ProxyScheme::kSocks5;
    url.port = ProxyUrl::kSocks5Port;
  } else if (!takeProxyScheme(authority, kProxyHttp)) {
    return refuseProxyScheme(text);
  }
  if (const size_t end = authority.find_first_of("/?#"); end != std::string_view::npos)
    return refuseProxyUrl(text, authority[end] == '/' ? "has a path" : "has a query or fragment");
  if (const std::string_view fault = readProxyAuthority(authority, url); !fault.empty())
    return refuseProxyUrl(text, fault);
  return url;
}

}  // namespace culvert
