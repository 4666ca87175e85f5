// SPDX-License-Identifier: GPL-3.0-or-later
// See interest.h.
#include "tunnel/interest.h"

namespace culvert {
namespace {

/// While a dialog waits for the other side, bytes for this end wait in the FIFO although the socket
/// could take them. So only the backlog counts.
EndInterest dialogInterest(const EndView& end) {
  if (end.queued) return {};
  return {end.handshake || end.wantsRead, end.backlog};
}

EndInterest closingInterest(const EndView& end) {
  switch (end.goal) {
    case EndGoal::kDeliver:
    case EndGoal::kFollow:
      // culvert still reads input and carries or discards it, because a peer that is blocked in a
      // write may never read the bytes from culvert.
      return {end.readable, end.wantsWrite || end.backlog};
    case EndGoal::kLinger:
      return {end.readable, end.backlog};
    case EndGoal::kOpen:
    case EndGoal::kDone:
      break;
  }
  return {};
}

}  // namespace

Interest interestOf(TunnelState state, const EndView& client, const EndView& backend) {
  switch (state) {
    case TunnelState::kHandshake:
      return {{!client.queued, client.backlog && !client.queued}, {}};
    case TunnelState::kConnect:
      return {{client.wantsRead, client.backlog}, {}};
    case TunnelState::kBackendHandshake:
      return {{client.wantsRead, client.backlog},
              {!backend.queued, backend.backlog && !backend.queued}};
    case TunnelState::kDialog:
      return {dialogInterest(client), dialogInterest(backend)};
    case TunnelState::kRelay:
      return {{client.wantsRead, client.wantsWrite || client.backlog},
              {backend.wantsRead, backend.wantsWrite || backend.backlog}};
    case TunnelState::kClosing:
      return {closingInterest(client), closingInterest(backend)};
    case TunnelState::kClosed:
      break;
  }
  return {};
}

}  // namespace culvert
