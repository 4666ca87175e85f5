// SPDX-License-Identifier: GPL-3.0-or-later
// TunnelEnd is one side of a tunnel: its stream, its handshake, and what the closing state still
// has to do for it. Only its EndWords show whether it is the client or the backend. Thread: loop.
#pragma once

#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "base/intrusive_list.h"
#include "net/byte_stream.h"
#include "stats/counters.h"
#include "tunnel/interest.h"
#include "tunnel/pump.h"

namespace culvert {

class HandshakeQueue;
class Tunnel;

/// The causes, counters and texts for the events of an end. Frozen.
struct EndWords {
  CloseCause fin;        ///< the peer closed cleanly
  CloseCause reset;      ///< the connection is lost
  CloseCause truncated;  ///< the peer sent FIN without close_notify
  CloseCause stalled;    ///< the peer accepts no bytes
  Counter stalls;
  Counter aborts;
  const char* left;  ///< the peer left during the handshake
  const char* open;  ///< half-close-timeout passed before the peer ended its direction
  const char* undelivered;
  /// If true, the stream stays until the tunnel has been reported, because the report reads names
  /// from the stream. If false, the socket closes as soon as this end is done.
  bool namedInReport;
};

inline constexpr EndWords kClientWords{
    .fin = CloseCause::kClientFin,
    .reset = CloseCause::kClientReset,
    .truncated = CloseCause::kClientTruncated,
    .stalled = CloseCause::kClientStalled,
    .stalls = Counter::kStallsClient,
    .aborts = Counter::kAbortsToClient,
    .left = "the client left during the handshake",
    .open = "the client had not ended its direction",
    .undelivered = "the client had not accepted all of its bytes",
    .namedInReport = true,
};

inline constexpr EndWords kBackendWords{
    .fin = CloseCause::kBackendFin,
    .reset = CloseCause::kBackendReset,
    .truncated = CloseCause::kBackendTruncated,
    .stalled = CloseCause::kBackendStalled,
    .stalls = Counter::kStallsBackend,
    .aborts = Counter::kAbortsToBackend,
    .left = "the backend left during the handshake",
    .open = "the backend had not ended its direction",
    .undelivered = "the backend had not accepted all of its bytes",
    .namedInReport = false,
};

struct TunnelEnd final : StreamObserver, ListNode<HandshakeQueue> {
  TunnelEnd(Tunnel& t, const EndWords& w) : tunnel(t), words(w) {}

  void onReadable() override;
  void onWritable() override;

  /// Continues the handshake with the bytes that have arrived. The HandshakeQueue calls this.
  void handshakeStep();
  /// True if the handshake waits in the HandshakeQueue.
  bool queued() const { return ListNode<HandshakeQueue>::linked(); }

  /// `from` is the pump that reads from this end; `to` is the pump that writes to this end.
  EndView view(const Pump& from, const Pump& to) const;
  /// Why the stream failed.
  CloseReason failure() const;

  Tunnel& tunnel;
  const EndWords& words;
  std::unique_ptr<ByteStream> stream;
  uint64_t discarded = 0;       // raw bytes read and discarded
  TimePoint deadline = kNever;  // closing: when culvert gives up the goal
  EndGoal goal = EndGoal::kOpen;
  bool inputOver = false;      // closing: the peer sends no more input
  bool finSent = false;        // lingering: alert and FIN have been sent
  bool lateHandshake = false;  // the end had a handshake behind the connect
  bool tlsBegun = false;       // in state Dialog: the handshake has begun
};

}  // namespace culvert
