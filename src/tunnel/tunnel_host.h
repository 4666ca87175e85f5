// SPDX-License-Identifier: GPL-3.0-or-later
// What a tunnel gets from outside: its options, the objects that it shares with the other tunnels
// of its loop, and its host. The host knows the service and the client's identity; the tunnel does
// not. Thread: loop (TunnelOptions: frozen).
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

/// What a tunnel needs from its creator, and what the creator keeps for the tunnel. The tunnel owns
/// its host and destroys it after closing its descriptors.
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

/// When each event of a tunnel's life happened; zero if it has not happened. Each time is read at
/// the event itself, because several events may happen in one turn.
struct TunnelTimes {
  TimePoint accepted{};
  TimePoint handshakeDone{};
  TimePoint connected{};
  TimePoint firstBackendByte{};
  TimePoint ended{};
};

}  // namespace culvert
