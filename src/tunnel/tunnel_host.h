// SPDX-License-Identifier: GPL-3.0-or-later
// What surrounds a tunnel: its options, what it shares with the other tunnels of its loop, and the
// host, which knows what the tunnel must not. Thread: loop (TunnelOptions: frozen).
#pragma once

#include <memory>

#include "base/clock.h"
#include "net/dialer.h"
#include "stats/counters.h"
#include "tunnel/tunnel_plan.h"

namespace culvert {

class HandshakeQueue;
class Tunnel;

/// Frozen; one per service and configuration, kept alive by its tunnels.
struct TunnelOptions {
  TunnelPlan plan = kHandshakeThenConnect;
  Millis handshakeTimeout{10000};
  Millis idleTimeout{3600000};
  Millis stallTimeout{300000};
  Millis halfCloseTimeout{60000};
  size_t fifoSize = 64 * 1024;
  bool truncationAsFin = false;  ///< on-truncation = fin
};

/// What a tunnel needs of its creator, and what the creator keeps for it. Owned by the tunnel; its
/// destructor runs when the tunnel's descriptors are closed.
class TunnelHost {
 public:
  virtual ~TunnelHost() = default;
  /// The client's handshake is done. Returns the dialer for its backend.
  virtual std::unique_ptr<Dialer> dialerFor(Tunnel& tunnel) = 0;
  /// The tunnel has ended. Its client stream still exists, so that the host can read names from it.
  /// Called once.
  virtual void onTunnelEnded(Tunnel& tunnel) = 0;
};

/// What the tunnels of one loop share. It outlives them.
struct TunnelContext {
  EventLoop& loop;
  BufferPool& pool;
  CounterBlock& counters;
  HandshakeQueue& handshakes;
};

/// The moments of a tunnel's life, each read when it happened (a turn may hold several); zero if it
/// never happened.
struct TunnelTimes {
  TimePoint accepted{};
  TimePoint handshakeDone{};
  TimePoint connected{};
  TimePoint firstBackendByte{};
  TimePoint ended{};
};

}  // namespace culvert
