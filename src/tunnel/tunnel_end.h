// SPDX-License-Identifier: GPL-3.0-or-later
// TunnelEnd is one side of a tunnel: its stream, its handshake, and what the closing state still has
// to do for it. Whether it is the client or the backend shows in its EndWords alone. Thread: loop.
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

/// What happens to an end, in the words of the log and the counters. Frozen.
struct EndWords {
  CloseCause fin;        ///< it ended in order
  CloseCause reset;      ///< its connection is lost
  CloseCause truncated;  ///< it ended TCP without close_notify
  CloseCause stalled;    ///< it takes no bytes
  Counter stalls;
  Counter aborts;
  const char* left;  ///< within its handshake
  const char* open;  ///< half-close-timeout: it had not ended
  const char* undelivered;
  /// The stream stays until the tunnel has reported its end, which asks it for names; otherwise its
  /// socket closes as soon as it is done.
  bool namedInReport;
};

inline constexpr EndWords kClientWords{
    .fin = CloseCause::kClientFin,
    .reset = CloseCause::kClientReset,
    .truncated = CloseCause::kClientTruncated,
    .stalled = CloseCause::kClientStalled,
    .stalls = Counter::kStallsClient,
    .aborts = Counter::kAbortsToClient,
    .left = "the client left within the handshake",
    .open = "the client had not ended its direction",
    .undelivered = "the client had not taken what was meant for it",
    .namedInReport = true,
};

inline constexpr EndWords kBackendWords{
    .fin = CloseCause::kBackendFin,
    .reset = CloseCause::kBackendReset,
    .truncated = CloseCause::kBackendReset,  // a plain stream is never truncated
    .stalled = CloseCause::kBackendStalled,
    .stalls = Counter::kStallsBackend,
    .aborts = Counter::kAbortsToBackend,
    .left = "the backend left within the handshake",
    .open = "the backend had not ended its direction",
    .undelivered = "the backend had not taken what was meant for it",
    .namedInReport = false,
};

struct TunnelEnd final : StreamObserver, ListNode<HandshakeQueue> {
  TunnelEnd(Tunnel& t, const EndWords& w) : tunnel(t), words(w) {}

  void onReadable() override;
  void onWritable() override;

  /// Moves its handshake on with what has arrived. The HandshakeQueue calls it.
  void handshakeStep();
  /// Its handshake waits for the loop to have time for it.
  bool queued() const { return ListNode<HandshakeQueue>::linked(); }

  /// `from` is the pump that starts here, `to` the one that ends here.
  EndView view(const Pump& from, const Pump& to) const;
  /// Why its stream failed.
  CloseReason failure() const;

  Tunnel& tunnel;
  const EndWords& words;
  std::unique_ptr<ByteStream> stream;
  uint64_t discarded = 0;       // raw bytes read and thrown away
  TimePoint deadline = kNever;  // closing: when this end's goal is given up
  EndGoal goal = EndGoal::kOpen;
  bool inputOver = false;  // closing: nothing more to throw away
  bool finSent = false;    // lingering: alert and FIN are out
};

}  // namespace culvert
