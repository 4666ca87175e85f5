// SPDX-License-Identifier: GPL-3.0-or-later
// See route_options.h.
#include "server/route_options.h"

#include <fmt/format.h>

#include <map>

#include "config/values.h"
#include "net/address.h"
#include "route/route_conflicts.h"
#include "route/route_names.h"

namespace culvert {
namespace {

constexpr std::string_view kMatchKeys[] = {"match-port",   "match-address",    "match-name",
                                           "match-alpn",   "match-transport",  "match-source-type",
                                           "match-source", "match-source-port"};

std::vector<Network> networks(const SourcedList& list) {
  std::vector<Network> all;
  for (const SourcedText& item : list)
    if (const auto network = parseNetwork(item.text, true)) all.push_back(*network);
  return all;
}

std::vector<uint16_t> ports(const SourcedList& list) {
  std::vector<uint16_t> all;
  for (const SourcedText& item : list)
    if (const auto port = parseNumber(item.text)) all.push_back(static_cast<uint16_t>(*port));
  return all;
}

/// The place of the service's first match option, or of its section.
const Origin& placeOf(const ServiceOptions& o) {
  for (const std::string_view key : kMatchKeys)
    if (o.originOf(key).kind != Origin::Kind::kDefault) return o.originOf(key);
  return o.sectionOrigin;
}

/// The services of one listen address, and the address itself.
struct Sharing {
  std::vector<const ServiceOptions*> services;
  SocketAddress end;
};

void reportConflicts(const std::string& address, const Sharing& sharing, const RouteTable& table,
                     Diagnostics& diagnostics) {
  for (const RouteConflict& conflict : findConflicts(table).pairs) {
    const ServiceOptions& first = *sharing.services[static_cast<size_t>(conflict.first)];
    const ServiceOptions& second = *sharing.services[static_cast<size_t>(conflict.second)];
    if (conflict.fallbacks) continue;  // reported when the file was read
    diagnostics.error(
        placeOf(second), sectionLabel(second), "listen",
        fmt::format("cannot be told apart from [{}], at {}: on {} both take {}",
                    sectionLabel(first), placeOf(first).text(), address, conflict.shared));
  }
}

/// Warns of services that can never be chosen, and notes the clients that no service takes.
void reportGaps(const std::string& address, const Sharing& sharing, const RouteTable& table,
                Diagnostics& diagnostics) {
  const bool anywhere = sharing.services.front()->acceptProxy != AcceptProxy::kOff;
  const std::span<const SocketAddress> ends(&sharing.end, anywhere ? 0 : 1);
  for (const UnreachableRoute& one : findUnreachable(table, ends)) {
    const ServiceOptions& service = *sharing.services[static_cast<size_t>(one.service)];
    diagnostics.warning(placeOf(service), sectionLabel(service), "listen",
                        fmt::format("is never chosen on {}: {}", address, one.reason));
  }
  const ServiceOptions& front = *sharing.services.front();
  const RouteHoles holes = findHoles(table, ends);
  for (const RouteHole& hole : holes.holes)
    diagnostics.add(Severity::kNote, placeOf(front), sectionLabel(front), "listen",
                    fmt::format("on {}: {}", address, hole.text));
  if (holes.more)
    diagnostics.add(Severity::kNote, placeOf(front), sectionLabel(front), "listen",
                    fmt::format("on {}: no service takes some further clients", address));
}

void checkShared(const std::string& address, const Sharing& sharing, Diagnostics& diagnostics) {
  std::vector<RouteMatch> matches;
  for (const ServiceOptions* service : sharing.services) matches.push_back(routeMatch(*service));
  completeTransports(matches);
  const RouteTable table(std::move(matches));
  const size_t before = diagnostics.errors();
  reportConflicts(address, sharing, table, diagnostics);
  if (diagnostics.errors() == before) reportGaps(address, sharing, table, diagnostics);
}

}  // namespace

bool isSelective(const ServiceOptions& o) {
  return !o.matchPort.empty() || !o.matchAddress.empty() || !o.matchName.empty() ||
         !o.matchAlpn.empty() || !o.matchSource.empty() || !o.matchSourcePort.empty() ||
         o.matchSourceType != SourceType::kAny || o.matchTransport != MatchTransport::kAny;
}

RouteMatch routeMatch(const ServiceOptions& o) {
  RouteMatch match;
  match.ports = ports(o.matchPort);
  match.addresses = networks(o.matchAddress);
  for (const SourcedText& item : o.matchName)
    if (auto name = parseMatchName(item.text)) match.names.push_back(std::move(*name));
  match.transport = o.matchTransport;
  match.carries = o.tls == ClientTls::kOff ? MatchTransport::kRaw : MatchTransport::kTls;
  for (const SourcedText& name : o.matchAlpn) match.alpn.push_back(name.text);
  match.sourceType = o.matchSourceType;
  match.sources = networks(o.matchSource);
  match.sourcePorts = ports(o.matchSourcePort);
  match.fallback = o.fallback;
  return match;
}

void checkRoutes(const Config& config, Diagnostics& diagnostics) {
  std::map<std::string, Sharing> listens;
  for (const ServiceOptions& service : config.services) {
    for (const SourcedText& item : service.listen) {
      const auto spec = parseAddress(item.text, AddressUse::kListen);
      if (spec && !(spec->kind != AddressKind::kUnix && spec->port == 0)) {
        Sharing& sharing = listens[spec->text()];
        sharing.services.push_back(&service);
        sharing.end = spec->address;
      }
    }
  }
  for (const auto& [address, sharing] : listens)
    if (sharing.services.size() > 1 || isSelective(*sharing.services.front()))
      checkShared(address, sharing, diagnostics);
}

}  // namespace culvert
