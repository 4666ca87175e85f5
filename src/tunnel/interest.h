// SPDX-License-Identifier: GPL-3.0-or-later
// interestOf() computes which events of its two sockets a tunnel needs. Tunnel::updateInterest()
// applies the result. The function is pure, so a test checks its whole truth table. Thread: any
// (values).
#pragma once

#include <cstdint>
#include <string_view>

namespace culvert {

enum class TunnelState : uint8_t {
#define TUNNEL_STATE(ident, name, meaning) k##ident,
#include "tunnel/tunnel_state.def"
#undef TUNNEL_STATE
};

inline constexpr std::string_view kTunnelStateNames[] = {
#define TUNNEL_STATE(ident, name, meaning) name,
#include "tunnel/tunnel_state.def"
#undef TUNNEL_STATE
};

/// What the closing state still has to do for one end.
enum class EndGoal : uint8_t {
  kOpen,     ///< the tunnel is not closing
  kDeliver,  ///< deliver all bytes for this end, wait until its peer has acknowledged them, then
             ///< abort this end
  kFollow,   ///< abort this end as soon as the other end is done
  kLinger,   ///< send the alert and FIN, discard input for a moment, then close normally
  kDone,     ///< this end is closed
};

struct EndView {
  bool wantsRead = false;   ///< the pump from this end has room, and its source is open
  bool wantsWrite = false;  ///< the pump to this end has bytes or a shutdown to write
  bool backlog = false;     ///< the stream holds bytes that it has not sent
  bool readable = true;     ///< the peer may still send input, which the closing state must read
  bool queued = false;      ///< the end's handshake waits in the HandshakeQueue
  bool handshake = false;   ///< in state Dialog: the end's next step is its handshake
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

/// A socket is watched for writing only while bytes or a shutdown wait to be written. A socket is
/// not watched for reading while the FIFO for its bytes is full.
Interest interestOf(TunnelState state, const EndView& client, const EndView& backend);

}  // namespace culvert
