// SPDX-License-Identifier: GPL-3.0-or-later
// Admission decides whether a client may open a tunnel in a service: allow-from and deny-from, then
// when-backend-down, then the limits of the service, then those of the process. It comes before any TLS work. Thread: loop.
#pragma once

#include <tl/expected.hpp>

#include "limit/service_limits.h"
#include "net/close_reason.h"
#include "service/service.h"
#include "stats/counters.h"

namespace culvert {

/// What an open tunnel counts for. Keep it until the tunnel's descriptors are closed.
struct TunnelHolds {
  LimitHold service;
  LimitHold process;
};

/// Counts a tunnel of `client` in the service and in the process, or returns why culvert refuses
/// it. Then nothing is counted, except in `counters`. `client` is the address in the PROXY header,
/// if there was one. `reserved` is the tunnel's place in the service, if the acceptor has taken it.
tl::expected<TunnelHolds, CloseReason> admit(const Service& service, TunnelLimits& process,
                                             const SocketAddress& client, TimePoint now,
                                             CounterBlock& counters, LimitHold reserved = {});

}  // namespace culvert
