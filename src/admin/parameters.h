// SPDX-License-Identifier: GPL-3.0-or-later
// Reads the parameters of a request. Each error says what is wrong and what is allowed. Thread: any.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "worker/tunnel_query.h"

namespace culvert {

using Parameters = std::vector<std::pair<std::string, std::string>>;

/// Returns nullptr if the request has no such parameter.
const std::string* parameter(const Parameters& all, std::string_view name);

/// An error if a parameter is not in `allowed`, or occurs twice.
Result<void> onlyParameters(const Parameters& all, std::span<const std::string_view> allowed);

/// Reads the criteria of a list of tunnels, its limit and its order.
Result<TunnelQuery> parseTunnelQuery(const Parameters& all);

/// True if the request names a criterion, so that not all tunnels meet it.
bool restricts(const Parameters& all);

/// Reads a whole number from `least` to `most`.
Result<uint64_t> parseCount(std::string_view name, std::string_view text, uint64_t least,
                            uint64_t most);

}  // namespace culvert
