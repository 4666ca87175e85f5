// SPDX-License-Identifier: GPL-3.0-or-later
// Socket addresses by value, their text forms, and the parser for addresses in the configuration.
#include "net/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>

#include "base/ascii.h"

namespace culvert {
namespace {

constexpr size_t kMaxHostName = 253;  // RFC 1035 2.3.4: 255 less the first and the last length byte
constexpr size_t kMaxLabel = 63;

constexpr std::string_view kForms = "allowed: PORT, *:PORT, HOST:PORT, [IPv6]:PORT, unix:/path";
constexpr std::string_view kBackendForms = "allowed: PORT, HOST:PORT, [IPv6]:PORT, unix:/path";

std::string_view forms(AddressUse use) {
  return use == AddressUse::kListen ? kForms : kBackendForms;
}

bool allDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), isDigit);
}

in_addr mappedIpv4(const in6_addr& address) {
  in_addr v4;
  std::memcpy(&v4, address.s6_addr + 12, sizeof v4);
  return v4;
}

std::string scopeText(uint32_t scope) {
  char name[IF_NAMESIZE];
  return if_indextoname(scope, name) != nullptr ? std::string(name) : fmt::format("{}", scope);
}

Result<uint16_t> parsePort(std::string_view text, AddressUse use) {
  const char* range = use == AddressUse::kListen ? "0 to 65535" : "1 to 65535";
  if (!allDigits(text)) {
    return fail(text.empty()
                    ? fmt::format("the port is missing after ':', allowed: {}", range)
                    : fmt::format("port \"{}\" is not a number, allowed: {}", text, range));
  }
  uint32_t port = 0;
  for (char c : text) {
    port = port * 10 + uint32_t(c - '0');
    if (port > 65535) return fail(fmt::format("port {} is out of range: {}", text, range));
  }
  if (port == 0 && use == AddressUse::kBackend) {
    return fail(fmt::format(
        "port 0 is out of range: {} (0, \"the system chooses\", is for listen only)", range));
  }
  return uint16_t(port);
}

Result<AddressSpec> parseUnix(std::string_view path) {
  if (path.empty() || path.front() != '/') {
    return fail(
        fmt::format("the path of a UNIX socket must be absolute: unix:/path, not unix:{}", path));
  }
  if (path.back() == '/') return fail(fmt::format("{} names a directory, not a socket", path));
  if (path.size() > kMaxUnixPath) {
    return fail(fmt::format("the path of a UNIX socket has {} bytes, at most {} are allowed",
                            path.size(), kMaxUnixPath));
  }
  if (path.find('\0') != path.npos) return fail("the path of a UNIX socket contains a NUL byte");
  AddressSpec spec;
  spec.kind = AddressKind::kUnix;
  spec.address = SocketAddress::unixPath(path);
  return spec;
}

/// Returns the index of a network interface, given by its name or number as in `fe80::1%eth0` or
/// `fe80::1%2`. Fails if the interface does not exist.
Result<uint32_t> parseScope(const std::string& name) {
  if (allDigits(name) && name.size() <= 9) {
    if (uint32_t index = uint32_t(std::stoul(name)); index != 0) return index;
  }
  uint32_t index = name.empty() ? 0 : if_nametoindex(name.c_str());
  if (index == 0) return fail(fmt::format("there is no network interface \"{}\"", name));
  return index;
}

Result<SocketAddress> parseIpv6Literal(std::string_view inner, uint16_t port) {
  std::string host(inner.substr(0, inner.find('%')));
  in6_addr address;
  if (inet_pton(AF_INET6, host.c_str(), &address) != 1) {
    return fail(fmt::format("[{}] is not an IPv6 address", inner));
  }
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    return SocketAddress::ipv4(ntohl(mappedIpv4(address).s_addr), port);
  }
  uint32_t scope = 0;
  if (size_t percent = inner.find('%'); percent != inner.npos) {
    auto index = parseScope(std::string(inner.substr(percent + 1)));
    if (!index) return fail(index.error().text);
    scope = *index;
  } else if (IN6_IS_ADDR_LINKLOCAL(&address)) {
    return fail(fmt::format("the link-local address [{0}] needs its interface: [{0}%eth0]:{1}",
                            inner, port));
  }
  return SocketAddress::ipv6(address, port, scope);
}

/// Returns what is wrong with the host name, or nothing if the name is valid. Follows RFC 1123, but
/// also allows underscores.
std::optional<std::string> hostNameFault(std::string_view host) {
  if (host.size() > kMaxHostName + 1)
    return fmt::format("the host name has {} bytes, at most {} are allowed", host.size(),
                       kMaxHostName);
  std::string_view rest = host;
  if (rest.size() > 1 && rest.back() == '.') rest.remove_suffix(1);  // dot of an absolute name
  while (true) {
    size_t dot = rest.find('.');
    std::string_view label = rest.substr(0, dot);
    bool good = !label.empty() && label.size() <= kMaxLabel && label.front() != '-' &&
                label.back() != '-' && std::all_of(label.begin(), label.end(), [](char c) {
                  return isAlnum(c) || c == '-' || c == '_';
                });
    if (!good) return fmt::format("\"{}\" is not a host name", host);
    if (dot == rest.npos) return std::nullopt;
    rest.remove_prefix(dot + 1);
  }
}

Result<AddressSpec> literalSpec(const SocketAddress& address) {
  AddressSpec spec;
  spec.kind = AddressKind::kLiteral;
  spec.port = address.port();
  spec.address = address;
  return spec;
}

Result<AddressSpec> parseBracketed(std::string_view text, AddressUse use) {
  size_t end = text.find(']');
  if (end == text.npos) return fail(fmt::format("\"]\" is missing in {}; {}", text, forms(use)));
  std::string_view rest = text.substr(end + 1);
  if (rest.empty() || rest.front() != ':') {
    return fail(fmt::format("{} has no port; {}", text, forms(use)));
  }
  auto port = parsePort(rest.substr(1), use);
  if (!port) return fail(port.error().text);
  auto address = parseIpv6Literal(text.substr(1, end - 1), *port);
  if (!address) return fail(address.error().text);
  return literalSpec(*address);
}

AddressSpec wildcardSpec(uint16_t port) {
  AddressSpec spec;
  spec.kind = AddressKind::kWildcard;
  spec.port = port;
  spec.address = SocketAddress::ipv6(in6addr_any, port);
  return spec;
}

Result<AddressSpec> parseHostPort(std::string_view host, std::string_view portText,
                                  AddressUse use) {
  auto port = parsePort(portText, use);
  if (!port) return fail(port.error().text);
  if (host.empty())
    return fail(fmt::format("the host is missing before ':{}'; {}", portText, forms(use)));
  if (host == "*") {
    if (use == AddressUse::kListen) return wildcardSpec(*port);
    return fail(fmt::format("a backend cannot be \"*\": name its host; {}", forms(use)));
  }
  // A host of digits and dots must be a complete IPv4 address, because getaddrinfo() would also
  // accept short forms such as 127.1.
  if (std::all_of(host.begin(), host.end(), [](char c) { return isDigit(c) || c == '.'; })) {
    in_addr v4;
    if (inet_pton(AF_INET, std::string(host).c_str(), &v4) != 1) {
      return fail(fmt::format("{} is not an IPv4 address", host));
    }
    return literalSpec(SocketAddress::ipv4(ntohl(v4.s_addr), *port));
  }
  if (auto fault = hostNameFault(host)) return fail(*fault);
  AddressSpec spec;
  spec.kind = AddressKind::kHostName;
  spec.port = *port;
  // Host names are case-insensitive (RFC 4343), so store them in lower case.
  spec.host = lower(host);
  return spec;
}

}  // namespace

SocketAddress SocketAddress::fromSockaddr(const sockaddr* address, socklen_t length) {
  SocketAddress result;
  if (address == nullptr || length < sizeof(sa_family_t)) return result;
  if (address->sa_family == AF_INET && length >= sizeof(sockaddr_in)) {
    std::memcpy(&result.storage_.v4, address, sizeof(sockaddr_in));
    result.length_ = sizeof(sockaddr_in);
  } else if (address->sa_family == AF_INET6 && length >= sizeof(sockaddr_in6)) {
    sockaddr_in6 v6;
    std::memcpy(&v6, address, sizeof v6);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      return ipv4(ntohl(mappedIpv4(v6.sin6_addr).s_addr), ntohs(v6.sin6_port));
    }
    return ipv6(v6.sin6_addr, ntohs(v6.sin6_port), v6.sin6_scope_id);
  } else if (address->sa_family == AF_UNIX) {
    result.setUnix(address, std::min<size_t>(length, sizeof(sockaddr_un)));
  }
  return result;
}

SocketAddress SocketAddress::ipv4(uint32_t host, uint16_t port) {
  SocketAddress result;
  result.storage_.v4.sin_family = AF_INET;
  result.storage_.v4.sin_port = htons(port);
  result.storage_.v4.sin_addr.s_addr = htonl(host);
  result.length_ = sizeof(sockaddr_in);
  return result;
}

SocketAddress SocketAddress::ipv6(const in6_addr& host, uint16_t port, uint32_t scope) {
  SocketAddress result;
  result.storage_.v6.sin6_family = AF_INET6;
  result.storage_.v6.sin6_port = htons(port);
  result.storage_.v6.sin6_addr = host;
  result.storage_.v6.sin6_scope_id = scope;
  result.length_ = sizeof(sockaddr_in6);
  return result;
}

SocketAddress SocketAddress::unixPath(std::string_view path) {
  SocketAddress result;
  if (path.empty() || path.size() > kMaxUnixPath) return result;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  // For a path, the address length includes the final NUL. An abstract name has no final NUL.
  const size_t end = path.front() == '\0' ? 0 : 1;
  result.setUnix(reinterpret_cast<const sockaddr*>(&address),
                 offsetof(sockaddr_un, sun_path) + path.size() + end);
  return result;
}

/// `length` is the length of the whole address, including the family field. The address of an
/// unnamed socket has only the family field.
void SocketAddress::setUnix(const sockaddr* address, size_t length) {
  storage_.any.sa_family = AF_UNIX;
  length_ = static_cast<uint16_t>(length);
  if (length <= sizeof(sa_family_t)) return;
  auto named = std::make_shared<sockaddr_un>();
  std::memcpy(named.get(), address, length);
  unix_ = std::move(named);
}

bool SocketAddress::isAnyAddress() const {
  if (isIpv4()) return storage_.v4.sin_addr.s_addr == htonl(INADDR_ANY);
  return isIpv6() && IN6_IS_ADDR_UNSPECIFIED(&storage_.v6.sin6_addr);
}

bool SocketAddress::isLoopback() const {
  if (isIpv4()) return (ntohl(storage_.v4.sin_addr.s_addr) >> 24) == 127;
  return isIpv6() && IN6_IS_ADDR_LOOPBACK(&storage_.v6.sin6_addr);
}

uint16_t SocketAddress::port() const {
  if (isIpv4()) return ntohs(storage_.v4.sin_port);
  return isIpv6() ? ntohs(storage_.v6.sin6_port) : uint16_t(0);
}

void SocketAddress::setPort(uint16_t port) {
  if (isIpv4()) storage_.v4.sin_port = htons(port);
  if (isIpv6()) storage_.v6.sin6_port = htons(port);
}

std::string_view SocketAddress::path() const {
  constexpr size_t kOffset = offsetof(sockaddr_un, sun_path);
  if (!unix_) return {};
  std::string_view bytes(unix_->sun_path, length_ - kOffset);
  return bytes.front() == '\0' ? bytes : bytes.substr(0, bytes.find('\0'));
}

std::string SocketAddress::hostText() const {
  char text[INET6_ADDRSTRLEN];
  switch (family()) {
    case AF_INET:
      return inet_ntop(AF_INET, &storage_.v4.sin_addr, text, sizeof text);
    case AF_INET6: {
      std::string host = inet_ntop(AF_INET6, &storage_.v6.sin6_addr, text, sizeof text);
      if (uint32_t scope = storage_.v6.sin6_scope_id; scope != 0) host += "%" + scopeText(scope);
      return host;
    }
    case AF_UNIX: {
      std::string_view name = path();
      if (!name.empty() && name.front() == '\0') return "unix:@" + std::string(name.substr(1));
      return "unix:" + std::string(name);
    }
    default:
      return "-";
  }
}

std::string SocketAddress::text() const {
  if (isIpv4()) return fmt::format("{}:{}", hostText(), port());
  if (isIpv6()) return fmt::format("[{}]:{}", hostText(), port());
  return hostText();
}

bool operator==(const SocketAddress& a, const SocketAddress& b) {
  if (a.family() != b.family()) return false;
  switch (a.family()) {
    case AF_INET:
      return a.port() == b.port() && a.storage_.v4.sin_addr.s_addr == b.storage_.v4.sin_addr.s_addr;
    case AF_INET6:
      return a.port() == b.port() && a.storage_.v6.sin6_scope_id == b.storage_.v6.sin6_scope_id &&
             IN6_ARE_ADDR_EQUAL(&a.storage_.v6.sin6_addr, &b.storage_.v6.sin6_addr);
    default:
      return a.path() == b.path();
  }
}

std::string AddressSpec::text() const {
  switch (kind) {
    case AddressKind::kWildcard:
      return fmt::format("*:{}", port);
    case AddressKind::kHostName:
      return fmt::format("{}:{}", host, port);
    default:
      return address.text();
  }
}

Result<AddressSpec> parseAddress(std::string_view text, AddressUse use) {
  if (text.empty()) return fail(fmt::format("the address is empty; {}", forms(use)));
  if (text.substr(0, 5) == "unix:") return parseUnix(text.substr(5));
  if (text.front() == '/') return fail(fmt::format("a UNIX socket is written unix:{}", text));
  if (text.front() == '[') return parseBracketed(text, use);
  if (allDigits(text)) {
    auto port = parsePort(text, use);
    if (!port) return fail(port.error().text);
    if (use == AddressUse::kListen) return wildcardSpec(*port);
    return literalSpec(SocketAddress::ipv4(INADDR_LOOPBACK, *port));
  }
  size_t colon = text.rfind(':');
  if (colon == text.npos) return fail(fmt::format("\"{}\" has no port; {}", text, forms(use)));
  if (text.find("://") != text.npos)
    return fail(fmt::format("\"{}\" is a URL, not an address; {}", text, forms(use)));
  if (text.find(':') != colon) {
    return fail(fmt::format("an IPv6 address is written in brackets: [{}]:{}",
                            text.substr(0, colon), text.substr(colon + 1)));
  }
  return parseHostPort(text.substr(0, colon), text.substr(colon + 1), use);
}

}  // namespace culvert
