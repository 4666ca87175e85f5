// SPDX-License-Identifier: GPL-3.0-or-later
// What a tunnel wants to be told by its two sockets, as a pure function of what it is and has: the
// rule behind Tunnel::updateInterest, tested as a truth table. Thread: any (values).
#pragma once

#include <cstdint>

namespace culvert {

enum class TunnelState : uint8_t {
#define X(ident, name, meaning) k##ident,
#include "tunnel/tunnel_state.def"
#undef X
};

/// What the closing state still has to do for one end.
enum class EndGoal : uint8_t {
  kOpen,     ///< not closing
  kDeliver,  ///< everything meant for this end is delivered (and acknowledged), then it is aborted
  kFollow,   ///< aborted as soon as the other end is done
  kLinger,   ///< the alert leaves, FIN, input is thrown away for a moment, then a plain close
  kDone,     ///< closed
};

struct EndView {
  bool wantsRead = false;   ///< the pump that starts here has room and its source is open
  bool wantsWrite = false;  ///< the pump that ends here has bytes or an end waiting for the socket
  bool backlog = false;     ///< sealed bytes wait, whoever wrote them
  bool readable = true;     ///< the peer has not ended: there may be input to throw away
  bool queued = false;      ///< its handshake waits for the loop to have time for it
  EndGoal goal = EndGoal::kOpen;
};

struct EndInterest {
  bool read = false;
  bool write = false;
  bool operator==(const EndInterest&) const = default;
};

struct Interest {
  EndInterest client;
  EndInterest backend;
  bool operator==(const Interest&) const = default;
};

/// Write-ready is wanted only while something waits to be written; reading stops while the other
/// side's FIFO is full.
Interest interestOf(TunnelState state, const EndView& client, const EndView& backend);

}  // namespace culvert
