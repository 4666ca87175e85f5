// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/admin_address.h"

#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/words.h"

namespace culvert {

namespace {

constexpr std::string_view kForms =
    "allowed: unix:/PATH, /PATH, ADDRESS:PORT, [ADDRESS]:PORT, PORT";

bool isPort(std::string_view text) {
  if (text.empty() || text.size() > 5 || !std::ranges::all_of(text, isDigit)) return false;
  const int value = std::stoi(std::string(text));
  return value >= 1 && value <= 65535;
}

/// A name or an address; no character that could add a line or a path to the request.
bool isHost(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [](char c) {
    return isAlnum(c) || c == '.' || c == '-' || c == ':' || c == '%' || c == '_';
  });
}

Result<AdminAddress> parseUnix(std::string_view path) {
  if (path.empty() || path.front() != '/')
    return fail("the path of a UNIX socket must begin with /");
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    return fail(fmt::format("the path of a UNIX socket has at most {} bytes, not {}",
                            sizeof(sockaddr_un::sun_path) - 1, path.size()));
  if (path.find('\0') != std::string_view::npos) return fail("the path holds a NUL byte");
  AdminAddress address;
  address.path = path;
  return address;
}

}  // namespace

std::string AdminAddress::text() const { return isUnix() ? "unix:" + path : hostHeader(); }

std::string AdminAddress::hostHeader() const {
  if (isUnix()) return "localhost";
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

Result<AdminAddress> parseAdminAddress(std::string_view text) {
  if (text.starts_with("unix:")) return parseUnix(text.substr(5));
  if (text.starts_with('/')) return parseUnix(text);
  AdminAddress address;
  const size_t colon = text.rfind(':');
  address.port = colon == std::string_view::npos ? text : text.substr(colon + 1);
  std::string_view host =
      colon == std::string_view::npos ? std::string_view("127.0.0.1") : text.substr(0, colon);
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  const bool manyColons = host.find(':') != std::string_view::npos;
  if (!isPort(address.port) || !isHost(host) || manyColons != brackets)
    return fail(fmt::format("\"{}\" is not an address; {}", printable(text, 120), kForms));
  address.host = host;
  return address;
}

}  // namespace culvert
