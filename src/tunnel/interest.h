// SPDX-License-Identifier: GPL-3.0-or-later
// Which events of its two sockets a tunnel needs, as a pure function of its state: the rule behind
// Tunnel::updateInterest, tested as a truth table. Thread: any (values).
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
  kDeliver,  ///< deliver everything for this end and wait for its acknowledgement, then abort the
             ///< end
  kFollow,   ///< abort this end as soon as the other end is done
  kLinger,   ///< send the alert and FIN, discard input for a moment, then close normally
  kDone,     ///< closed
};

struct EndView {
  bool wantsRead = false;   ///< the pump that starts here has room, and its source is open
  bool wantsWrite = false;  ///< the pump that ends here has bytes, or an end, to write to the
                            ///< socket
  bool backlog = false;     ///< sealed bytes wait, of the pump or of the stream itself
  bool readable = true;     ///< the peer has not ended: there may be input to discard
  bool queued = false;      ///< its handshake waits in the HandshakeQueue
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

/// A socket is watched for writing only while something waits to be written. Reading stops while
/// the other side's FIFO is full.
Interest interestOf(TunnelState state, const EndView& client, const EndView& backend);

}  // namespace culvert
