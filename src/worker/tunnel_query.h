// SPDX-License-Identifier: GPL-3.0-or-later
// Which tunnels an operator asks for, and what a worker answers. Thread: any (values).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "net/network.h"
#include "tunnel/interest.h"

namespace culvert {

/// The side that does not accept the bytes that wait for it.
enum class BlockedSide : uint8_t { kNone, kClient, kBackend, kAny };

/// kId is also the order of age, the oldest tunnel first. In the others, the largest value comes first.
enum class TunnelOrder : uint8_t { kId, kBytes, kBlocked, kIdle };

/// The criteria are combined: a tunnel has to meet all that are set.
struct TunnelQuery {
  std::string service;
  std::optional<Network> client;
  std::string backend;  ///< a part of the address's text
  std::string sni;      ///< a part of the server name, in lower case
  std::optional<TunnelState> state;
  BlockedSide blocked = BlockedSide::kNone;
  Clock::duration blockedFor{};  ///< at least this long without a pause
  Clock::duration minAge{};
  uint64_t id = 0;     ///< 0: any
  uint64_t after = 0;  ///< only larger ids

  size_t limit = 100;
  TunnelOrder order = TunnelOrder::kId;
  bool tcp = false;  ///< with the kernel's state of both connections

  bool operator==(const TunnelQuery&) const = default;
};

struct TunnelRow {
  uint64_t id = 0;
  uint64_t rank = 0;  ///< by TunnelQuery::order; rows of a larger rank come first
  uint64_t bytesIn = 0, bytesOut = 0;
  std::string fields;  ///< the members of a JSON object, without its braces
};

struct TunnelAnswer {
  /// At most as many as the limit. A worker gives them in any order, because sorting many would delay
  /// its tunnels; whoever puts the answers together sorts them.
  std::vector<TunnelRow> rows;
  uint64_t matched =
      0;  ///< tunnels that meet the criteria; in the order of ids, those up to the limit
  bool more = false;  ///< there are tunnels behind the last row
};

using TunnelsListed = std::function<void(TunnelAnswer)>;
using TunnelsClosed = std::function<void(uint64_t closed)>;

}  // namespace culvert
