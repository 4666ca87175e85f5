// SPDX-License-Identifier: GPL-3.0-or-later
// What an operator sees of an open tunnel: whether it meets a query, and its row in the answer.
// Thread: loop.
#pragma once

#include <string_view>

#include "tunnel/tunnel.h"
#include "worker/tunnel_query.h"

namespace culvert {

/// Which side has not accepted bytes, and since when. kNone and kNever if no byte waits.
struct TunnelBlock {
  BlockedSide side = BlockedSide::kNone;  ///< kAny: both
  TimePoint since = kNever;
};
TunnelBlock blockOf(const Tunnel& tunnel);

bool meets(Tunnel& tunnel, const TunnelQuery& query, TimePoint now);

/// The value by which the order of the query sorts.
uint64_t rankOf(const Tunnel& tunnel, TunnelOrder order, TimePoint now);

/// `worker` is the name of the tunnel's worker.
TunnelRow rowOf(Tunnel& tunnel, const TunnelQuery& query, TimePoint now, std::string_view worker);

}  // namespace culvert
