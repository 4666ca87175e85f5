// SPDX-License-Identifier: GPL-3.0-or-later
// What a tunnel gets from outside: its options, the objects that it shares with the other tunnels
// of its loop, and its host. The host knows the service and the client's identity; the tunnel does
// not. Thread: loop (TunnelOptions: frozen).
#pragma once

#include <memory>

#include "base/clock.h"
#include "net/dialer.h"
#include "stats/counters.h"
#include "tunnel/pump.h"
#include "tunnel/tunnel_plan.h"

namespace culvert {

class HandshakeQueue;
class Tunnel;

/// The settings of a service's tunnels in one configuration. The tunnels keep the object alive.
/// Frozen.
struct TunnelOptions {
  TunnelPlan plan = kHandshakeThenConnect;
  Millis handshakeTimeout{10000};
  Millis idleTimeout{3600000};
  Millis stallTimeout{300000};
  Millis halfCloseTimeout{60000};
  size_t fifoSize = 64 * 1024;
  bool truncationAsFin = false;         ///< on-truncation = fin
  bool backendTruncationAsFin = false;  ///< backend-on-truncation = fin
};

/// What a tunnel needs from its creator, and what the creator keeps for the tunnel. The tunnel owns
/// its host and destroys the host after it has closed the tunnel's descriptors.
class TunnelHost {
 public:
  virtual ~TunnelHost() = default;
  /// Where the service's bytes are counted, besides the counters of the loop; nullptr: nowhere. Must
  /// outlive the tunnel's pumps. The tunnel asks once for each direction, when it is made.
  virtual Tally* bytesTo(Direction) { return nullptr; }
  /// Called when the client's handshake is done, or at the start if it has none. Returns the dialer
  /// that connects to the backend.
  virtual std::unique_ptr<Dialer> dialerFor(Tunnel& tunnel) = 0;
  /// Called when the last handshake is done and the relay begins.
  virtual void onOpened(Tunnel&) {}
  /// Called once, when the client has got the first byte of the backend.
  virtual void onFirstBackendByte(Tunnel&) {}
  /// Called once, when the tunnel has ended. The client stream still exists, so that the host can
  /// read names from the stream.
  virtual void onTunnelEnded(Tunnel& tunnel) = 0;
};

/// Objects that the tunnels of one loop share. The objects outlive the tunnels.
struct TunnelContext {
  EventLoop& loop;
  BufferPool& pool;
  CounterBlock& counters;
  HandshakeQueue& handshakes;
};

/// The times of the events in a tunnel's life. A time is zero if its event has not happened.
/// culvert reads the clock at each event, because several events may happen in one turn.
struct TunnelTimes {
  TimePoint accepted{};
  TimePoint handshakeDone{};
  TimePoint connected{};
  TimePoint opened{};  ///< every handshake is done
  TimePoint firstBackendByte{};
  TimePoint ended{};
};

}  // namespace culvert
