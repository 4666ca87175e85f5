// SPDX-License-Identifier: GPL-3.0-or-later
// SimLimits is the judge of time: no limit passes unnoticed, none is judged before what waits is looked
// at, and a cause is what has happened. Thread: loop.
#pragma once

#include <algorithm>

#include "sim_verdict.h"

namespace culvert::simulation {

class SimLimits {
 public:
  explicit SimLimits(SimVerdict& verdict) : verdict_(verdict) {}

  /// The loop has served everything and every timer that was due: no limit may have passed.
  void look(SimTunnel& t) {
    const Tunnel& tunnel = *t.tunnel;
    const TunnelOptions& o = t.setup.options;
    const Pump& in = tunnel.inbound();
    const Pump& out = tunnel.outbound();
    switch (tunnel.state()) {
      case TunnelState::kHandshake:
        return lookAtLimit(t, t.accepted, o.handshakeTimeout, o.handshakeTimeout,
                           "the handshake's limit has passed");
      case TunnelState::kBackendHandshake:
        return lookAtLimit(t, t.stateSince, o.handshakeTimeout, o.handshakeTimeout,
                           "the limit of the backend's handshake has passed");
      case TunnelState::kClosing: {
        const Millis delivery =
            o.halfCloseTimeout.count() != 0 ? o.halfCloseTimeout : Millis(60000);
        const Millis limit = std::max(delivery, Millis(2000));
        return lookAtLimit(t, t.stateSince, limit, limit, "the closing's limit has passed");
      }
      default:
        break;
    }
    lookAtLimit(t, t.lastMove, o.idleTimeout, Millis(0), "the idle limit has passed");
    for (const Pump* pump : {&in, &out}) {
      if (pump->stalledSince() != kNever)
        lookAtLimit(t, pump->stalledSince(), o.stallTimeout, Millis(0),
                    "the stall limit has passed");
    }
    const auto over = [](const Pump& pump) { return pump.over() || pump.sinkBroken(); };
    if (over(in) != over(out))
      lookAtLimit(t, t.lastMove, o.halfCloseTimeout, Millis(0), "the half-close limit has passed");
  }

  /// What the calls of armed watchers would move.
  static void noteChances(SimTunnel& t) {
    t.client.couldRead = couldRead(t.client.peer, t.tunnel->inbound());
    t.backend.couldRead = couldRead(t.backend.peer, t.tunnel->outbound());
    for (SimSide* side : {&t.client, &t.backend}) side->couldWrite = couldWrite(side->peer);
  }

  /// The limit that has ended it was judged although bytes could be moved.
  static bool judgedTooEarly(const SimTunnel& t) {
    switch (t.report.reason.cause) {
      case CloseCause::kIdle:
        return t.client.couldRead || t.client.couldWrite || t.backend.couldRead ||
               t.backend.couldWrite;
      case CloseCause::kClientStalled:
        return t.client.couldWrite;
      case CloseCause::kBackendStalled:
        return t.backend.couldWrite;
      default:
        return false;
    }
  }

  /// Whether the cause can be explained by what the peers, the time and the caller did.
  static bool explained(const SimTunnel& t) {
    const TunnelOptions& o = t.setup.options;
    const CloseCause cause = t.report.reason.cause;
    // A client that ended meanwhile is not why this tunnel came to nothing.
    if (t.dialed && t.setup.dialFailure && t.setup.dialFailure != cause && !memoryWasShort(t))
      return false;
    const auto after = [&](TimePoint from, Millis limit) {
      return limit.count() != 0 && t.report.at + kSlack >= from + limit;
    };
    switch (cause) {
      case CloseCause::kClientFin:
        return t.client.endedWith(IoStatus::kEof);
      case CloseCause::kBackendFin:
        return t.backend.endedWith(IoStatus::kEof);
      case CloseCause::kClientReset:
        return t.client.endedWith(IoStatus::kReset);
      case CloseCause::kBackendReset:
        return t.backend.endedWith(IoStatus::kReset);
      case CloseCause::kBackendTruncated:
        return t.backend.endedWith(IoStatus::kTruncated);
      case CloseCause::kClientTruncated:
        return t.client.endedWith(IoStatus::kTruncated);
      case CloseCause::kClientStalled:
      case CloseCause::kBackendStalled:
        return after(t.accepted, o.stallTimeout);
      case CloseCause::kHandshakeTimeout:
        return after(t.accepted, o.handshakeTimeout) && t.lastState < TunnelState::kDialog;
      case CloseCause::kIdle:
        return after(t.accepted, o.idleTimeout);
      case CloseCause::kTlsSent:
      case CloseCause::kTlsError:
        return t.client.endedWith(IoStatus::kFailed) || t.backend.endedWith(IoStatus::kFailed);
      case CloseCause::kProbe:
        return t.client.endedWith(IoStatus::kEof) && !t.dialed;
      case CloseCause::kInternal:
        return memoryWasShort(t) || t.client.endedWith(IoStatus::kFailed) ||
               t.backend.endedWith(IoStatus::kFailed);
      default:
        return (t.closes >> static_cast<unsigned>(cause) & 1) != 0 ||
               (t.dialed && t.setup.dialFailure == cause);
    }
  }

 private:
  static constexpr Millis kSlack{25};

  /// A limit is moved once where the process stood still, by at most `more`.
  void lookAtLimit(const SimTunnel& t, TimePoint from, Millis limit, Millis more,
                   const char* wrong) {
    if (limit.count() == 0) return;
    TimePoint due = from + limit + kSlack;
    if (t.stoodStillInState != Clock::duration{} && more.count() != 0)
      due += t.stoodStillInState + more;
    verdict_.require(verdict_.world.time.now() <= due, wrong);
  }

  static bool couldRead(const ScriptedPeer& p, const Pump& pump) {
    const bool room = pump.waiting() + ByteStream::kReadUnit <= pump.most();
    return p.stream != nullptr && p.watchedRead && room && !p.input.empty() && p.emptyReads == 0;
  }
  static bool couldWrite(const ScriptedPeer& p) {
    return p.stream != nullptr && p.watchedWrite && p.window != 0 && p.writeEnd == IoStatus::kOk &&
           p.stream->backlog() != 0;
  }

  SimVerdict& verdict_;
};

}  // namespace culvert::simulation
