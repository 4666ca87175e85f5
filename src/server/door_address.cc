// SPDX-License-Identifier: GPL-3.0-or-later
// See door_address.h.
#include "server/door_address.h"

#include <fmt/format.h>

#include "net/resolve.h"

namespace culvert {
namespace {

DoorAddress doorOf(bool admin, const AddressSpec& spec, const SocketAddress& address) {
  const bool wildcard = spec.kind == AddressKind::kWildcard;
  DoorAddress door{.admin = admin,
                   .kind = address.isUnix() ? AddressKind::kUnix
                           : wildcard       ? AddressKind::kWildcard
                                            : AddressKind::kLiteral,
                   .port = spec.port,
                   .address = wildcard ? SocketAddress() : address,
                   .key = {}};
  door.key =
      fmt::format("{} {}", admin ? "admin" : "metrics", wildcard ? spec.text() : address.text());
  return door;
}

tl::unexpected<Error> notLoopback(const std::string& address) {
  return fail(fmt::format(
      "{} is not a loopback address, and who reaches admin has full control; allowed: unix:/path, "
      "127.0.0.1:PORT, [::1]:PORT, PORT",
      address));
}

/// Parses the address. A bare port means 127.0.0.1 for admin, and every address for metrics.
Result<AddressSpec> parseSpec(bool admin, const std::string& text) {
  const bool bare = text.find(':') == std::string::npos;
  return parseAddress(admin && bare ? "127.0.0.1:" + text : text, AddressUse::kListen);
}

Result<std::vector<DoorAddress>> parseDoor(bool admin, const std::string& text) {
  const auto spec = parseSpec(admin, text);
  if (!spec) return tl::unexpected(spec.error());
  if (admin && spec->kind == AddressKind::kWildcard) return notLoopback(spec->text());
  AddressSet addresses{spec->address};
  if (spec->kind == AddressKind::kHostName) {
    auto resolved = resolveHost(spec->host, spec->port);
    if (!resolved) return tl::unexpected(resolved.error());
    addresses = std::move(*resolved);
  }
  std::vector<DoorAddress> doors;
  for (const SocketAddress& address : addresses) {
    if (admin && !address.isUnix() && !address.isLoopback()) return notLoopback(address.text());
    doors.push_back(doorOf(admin, *spec, address));
  }
  return doors;
}

}  // namespace

Result<UniqueFd> DoorAddress::bind(const ListenOptions& options) const {
  return kind == AddressKind::kWildcard ? openWildcardListener(port, options)
                                        : openListener(address, options);
}

std::vector<DoorAddress> doorAddresses(const GlobalOptions& global, Diagnostics& diagnostics) {
  std::vector<DoorAddress> all;
  for (const bool admin : {false, true}) {
    const std::string& text = admin ? global.admin : global.metrics;
    if (text.empty()) continue;
    const char* key = admin ? "admin" : "metrics";
    auto doors = parseDoor(admin, text);
    if (!doors) {
      diagnostics.error(global.originOf(key), sectionLabel(global), key, doors.error().text);
      continue;
    }
    all.insert(all.end(), doors->begin(), doors->end());
  }
  return all;
}

}  // namespace culvert
