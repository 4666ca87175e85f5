// SPDX-License-Identifier: GPL-3.0-or-later
// See interest.h.
#include "tunnel/interest.h"

namespace culvert {
namespace {

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
