// SPDX-License-Identifier: GPL-3.0-or-later
// A RouteValue is one value of one criterion of a service, for example the network 10.0.0.0/8 of
// match-source. The functions list the values of a service and write them as text. Thread: any.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "route/route_match.h"

namespace culvert {

/// A port, a transport or a source type (as number); a network; a name or a protocol. A view is
/// valid as long as the RouteMatch.
using RouteValue = std::variant<uint16_t, Network, std::string_view>;

/// Returns the values that a service names for a step; none if it takes every client.
std::vector<RouteValue> valuesOf(const RouteMatch& match, RouteStep step);

/// Returns whether a connection has the value: its address is in the network, its name is covered
/// by the suffix, its list of protocols contains the protocol.
bool isCovered(RouteStep step, const RouteValue& value, const RouteFacts& facts);

/// Returns whether `*.suffix` covers `name`: any depth below the suffix, but not the suffix.
bool suffixCovers(std::string_view wildcard, std::string_view name);

/// For example `443`, `10.0.0.0/8`, `*.example.org`, `raw` or `local`.
std::string routeText(RouteStep step, const RouteValue& value);

/// The name of a step in messages, for example `source type`.
std::string_view routeStepName(RouteStep step);

/// The values of a service for a step, as texts.
std::vector<std::string> routeTexts(const RouteMatch& match, RouteStep step);

/// Joins texts to `a, b or 7 more`, with `joint` for "or". It writes at most four of them.
std::string fewOf(std::span<const std::string> texts, std::string_view joint);

}  // namespace culvert
