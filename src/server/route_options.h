// SPDX-License-Identifier: GPL-3.0-or-later
// The match options of services: as a RouteMatch, and the checks between services that share a
// listen address. Thread: any.
#pragma once

#include "config/config.h"
#include "config/diagnostics.h"
#include "route/route_match.h"

namespace culvert {

/// True if the service has a match option: then it does not take every connection.
bool isSelective(const ServiceOptions& options);
/// `options` have been checked. See also completeTransports().
RouteMatch routeMatch(const ServiceOptions& options);

/// Reports services that share a listen address and cannot be told apart, services that can never be
/// chosen, and, as warnings, clients that no service takes.
void checkRoutes(const Config& config, Diagnostics& diagnostics);

}  // namespace culvert
