// SPDX-License-Identifier: GPL-3.0-or-later
// Explains a choice of a RouteTable in words, for --explain. Thread: any.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "route/route_table.h"

namespace culvert {

/// Why a service did not get the connection.
struct RouteLoss {
  int service = 0;
  std::optional<RouteStep> step;  ///< none: it was not lost at a step; the text says why
  /// For example "lost at the name: it wants *.example.org, the client asks for www.example.net".
  std::string text;
};

struct RouteExplanation {
  RouteChoice choice;  ///< the same as RouteTable::choose()
  std::string text;    ///< why this service, for example "no service is left at the name"
  std::vector<RouteLoss> losses;  ///< one for each other service, in their order
};

RouteExplanation explainRoute(const RouteTable& table, const RouteFacts& facts);

}  // namespace culvert
