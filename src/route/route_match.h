// SPDX-License-Identifier: GPL-3.0-or-later
// What a service asks of a connection (its match-... options), and what is known of a connection.
// Thread: any (values).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/choices.h"
#include "net/network.h"

namespace culvert {

/// The criteria of one service. An empty list, and kAny, match everything.
struct RouteMatch {
  std::vector<uint16_t> ports{};     ///< match-port: 1 to 65535
  std::vector<Network> addresses{};  ///< match-address
  std::vector<std::string> names{};  ///< match-name: lower case, exact or `*.suffix`
  MatchTransport transport = MatchTransport::kAny;
  MatchTransport carries = MatchTransport::kAny;  ///< what the service can serve; see below
  std::vector<std::string> alpn{};
  SourceType sourceType = SourceType::kAny;
  std::vector<Network> sources{};       ///< match-source; may contain `unix`
  std::vector<uint16_t> sourcePorts{};  ///< match-source-port: 1 to 65535
  bool fallback = false;  ///< takes what no other service takes; the criteria do not count

  bool operator==(const RouteMatch&) const = default;
};

/// Adds the transport that each service can serve to its criteria, if the services of a listen
/// address serve both, or if one of them names a transport. Otherwise the transport decides nothing,
/// and culvert need not wait for the client's first byte because of it.
void completeTransports(std::vector<RouteMatch>& services);

/// What is known of a connection. The views are valid as long as the hello.
struct RouteFacts {
  SocketAddress local{};                 ///< culvert's end, or the destination in the PROXY header
  SocketAddress peer{};                  ///< the client, or the source in the PROXY header
  bool tls = false;                      ///< the first bytes are a ClientHello
  std::string_view serverName{};         ///< lower case; empty: none, as for every raw client
  std::vector<std::string_view> alpn{};  ///< in the client's order; empty for every raw client

  /// Returns true if the client is on this host: it has a loopback address or the address of
  /// culvert's end, or uses a UNIX socket.
  bool isLocal() const {
    if (peer.isUnix() || peer.isLoopback()) return true;
    return (peer.isIpv4() || peer.isIpv6()) && peer.family() == local.family() &&
           bytesOf(peer) == bytesOf(local);
  }
};

/// The steps of a choice, in their order.
enum class RouteStep : uint8_t {
  kPort,
  kAddress,
  kName,
  kTransport,
  kAlpn,
  kSourceType,
  kSource,
  kSourcePort,
};
inline constexpr size_t kRouteSteps = 8;

}  // namespace culvert
