// SPDX-License-Identifier: GPL-3.0-or-later
// An Entrance says where the connections of one listening socket go: to one service, or to several
// services that differ by their match options. It also has the options that belong to the socket
// and not to one of its services. Thread: frozen.
#pragma once

#include <memory>
#include <vector>

#include "route/route_table.h"
#include "service/service.h"

namespace culvert {

struct Entrance {
  using Services = std::vector<std::shared_ptr<const Service>>;

  Services services;                         ///< at least one, in the order of the configuration
  std::shared_ptr<const RouteTable> routes;  ///< nullptr: services.front() takes every connection

  /// The options that all services of the socket share.
  const ListenRules& rules() const { return services.front()->listen; }
  /// True if the service is known without a byte of the client and without its addresses.
  bool immediate() const { return routes == nullptr && rules().acceptProxy == AcceptProxy::kOff; }
  /// The limits of the service that is alone on the socket; nullptr if the service is not known yet.
  TunnelLimits* limits() const {
    return routes == nullptr ? services.front()->profile->limits.get() : nullptr;
  }
  /// True if all backends of all services are down.
  bool down() const;
};

/// `services` are those of one listening socket.
std::shared_ptr<const Entrance> makeEntrance(Entrance::Services services);

}  // namespace culvert
