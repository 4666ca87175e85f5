// SPDX-License-Identifier: GPL-3.0-or-later
// See proxy_target.h.
#include "proxy/proxy_target.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/words.h"

namespace culvert {
namespace {

/// The length of a name in SOCKS5 is one byte (RFC 1928 section 5).
constexpr size_t kLongestProxyTarget = 255;

bool isProxyTargetCharacter(char c) { return isAlnum(c) || c == '-' || c == '.' || c == '_'; }

tl::unexpected<Error> refuseProxyTarget(std::string_view host, std::string_view why) {
  return fail(
      fmt::format("a proxy cannot connect to \"{}\": {}; allowed: a host name or an address",
                  printable(host, 100), why));
}

/// Stores the bytes of the address if the host is a literal of this family.
bool readProxyLiteral(int family, size_t size, ProxyTarget& target) {
  target.address.resize(size);
  if (::inet_pton(family, target.host.c_str(), target.address.data()) == 1) return true;
  target.address.clear();
  return false;
}

}  // namespace

std::string ProxyTarget::authority() const {
  return kind == Kind::kIpv6 ? fmt::format("[{}]:{}", host, port)
                             : fmt::format("{}:{}", host, port);
}

Result<ProxyTarget> readProxyTarget(std::string_view host, uint16_t port) {
  if (host.empty()) return refuseProxyTarget(host, "it has no host");
  if (host.size() > kLongestProxyTarget)
    return refuseProxyTarget(host, "it has more than 255 bytes");
  // inet_pton reads a text up to its first zero byte.
  if (host.find('\0') != std::string_view::npos)
    return refuseProxyTarget(host, "it has a zero byte");
  ProxyTarget target{ProxyTarget::Kind::kName, std::string(host), {}, port};
  if (readProxyLiteral(AF_INET, 4, target)) {
    target.kind = ProxyTarget::Kind::kIpv4;
    return target;
  }
  if (readProxyLiteral(AF_INET6, 16, target)) {
    target.kind = ProxyTarget::Kind::kIpv6;
    return target;
  }
  if (host.find('%') != std::string_view::npos)
    return refuseProxyTarget(host, "it has a zone, which only this host knows");
  if (!std::ranges::all_of(host, isProxyTargetCharacter))
    return refuseProxyTarget(host, "it is neither a host name nor an address");
  return target;
}

}  // namespace culvert
