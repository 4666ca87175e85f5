// SPDX-License-Identifier: GPL-3.0-or-later
// SimLedger is the judge of bytes: each that was read is delivered, waits, or is counted as lost, in
// order and once; memory keeps its bound; no end arrives that is not one. Thread: loop.
#pragma once

#include "sim_verdict.h"

namespace culvert::simulation {

class SimLedger {
 public:
  explicit SimLedger(SimVerdict& verdict) : verdict_(verdict) {}

  /// After each step.
  void look(SimTunnel& t) {
    for (const bool toClient : {true, false}) {
      SimSide& to = t.side(toClient);
      SimSide& from = t.side(!toClient);
      for (const char byte : to.peer.received) {
        if (byte == patternAt(to.arrived, from.seed)) {
          ++to.arrived;
          continue;
        }
        require(false, "a byte arrives that is lost, doubled, or out of order");
        break;
      }
      to.peer.received.clear();
      require(to.arrived <= from.peer.taken, "more arrives than was read");
      if (to.notes.fault != nullptr) require(false, to.notes.fault);
      lookAtFin(t, to, from);
      if (!t.live()) continue;
      const Pump& pump = toClient ? t.tunnel->outbound() : t.tunnel->inbound();
      if (pump.lost() == 0)
        require(from.peer.taken == pump.delivered() + pump.buffered(),
                "a byte is neither delivered nor waiting");
      require(from.peer.taken <= pump.delivered() + pump.buffered() + pump.lost(),
              "a byte is neither delivered, nor waiting, nor counted as lost");
      size_t bound = pump.capacity() + kSealedAtOnce * to.peer.overhead +
                     (toClient ? t.setup.client : t.setup.backend).preface;
      // Its own answers, up to where reading stops.
      if (to.mostAnswers != 0) bound += ByteStream::kMostBacklog + to.mostAnswers;
      require(pump.buffered() <= pump.capacity() && pump.waiting() <= bound,
              "more waits than the FIFO may hold");
    }
  }

  /// After the last step: what did not arrive is counted as lost, and nothing is counted twice.
  void lookAtEnd(SimTunnel& t) {
    checkLoss(t, t.client, t.backend, t.report.inboundLost, t.setup.backend);
    checkLoss(t, t.backend, t.client, t.report.outboundLost, t.setup.client);
    const bool inOrder = t.client.peer.finSeen && t.backend.peer.finSeen &&
                         !t.client.peer.aborted && !t.backend.peer.aborted;
    if (inOrder && t.client.sound && t.backend.sound &&
        (t.report.reason.cause == CloseCause::kClientFin ||
         t.report.reason.cause == CloseCause::kBackendFin)) {
      require(t.backend.arrived == t.client.fed && t.client.arrived == t.backend.fed,
              "a tunnel that ended in order has not carried everything");
      require(t.report.inboundLost + t.report.outboundLost == 0,
              "a tunnel that ended in order counts a loss");
    }
    if (t.closes != 0 || wasCut(t) || memoryWasShort(t) || !t.dialed || t.setup.dialFailure) return;
    if (t.report.times.opened == TimePoint{}) return;  // the backend's handshake was not done
    // What was read from a side before it broke is delivered, so long as the other is there.
    for (const bool toClient : {true, false}) {
      const SimSide& to = t.side(toClient);
      if (!to.sound || (to.ends & ~(1u << static_cast<unsigned>(IoStatus::kEof))) != 0) continue;
      require(to.arrived == t.side(!toClient).peer.taken,
              "what was read from one side has not reached the other");
    }
  }

 private:
  static constexpr size_t kSealedAtOnce = 10;  // records, generously

  /// An end in order reaches `to` only when `from` has ended in order and everything has arrived,
  /// or when `to` itself has failed (an alert and a lingering close).
  void lookAtFin(SimTunnel& t, SimSide& to, SimSide& from) {
    const bool failed = to.endedWith(IoStatus::kFailed);
    if (to.peer.finSeen && !to.finJudged) {
      to.finJudged = true;
      const TunnelOptions& o = t.setup.options;
      const bool asFin = &from == &t.client ? o.truncationAsFin : o.backendTruncationAsFin;
      const bool clean =
          from.endedWith(IoStatus::kEof) || (from.endedWith(IoStatus::kTruncated) && asFin);
      require(clean || failed, "an end is passed on as a clean one, and it was not clean");
      if (!failed) require(to.arrived == from.fed, "a FIN comes before the last byte");
    }
    if (!to.peer.gone || to.peer.aborted || to.peer.finSeen) return;
    require(!to.sound || to.ends != 0 || (&to == &t.backend && !t.dialed),
            "a connection that was well is closed without an end");
  }

  void checkLoss(SimTunnel& t, const SimSide& from, const SimSide& to, uint64_t lost,
                 const SideSetup& setup) {
    const size_t missing = from.peer.taken - to.arrived;
    // Of a record that was cut off on its way only the rest is counted.
    const size_t cutOff = to.peer.overhead != 0 ? ScriptedPeer::kRecord : 0;
    if (to.sound && !memoryWasShort(t))
      require(missing <= lost + cutOff, "what did not arrive is not counted as lost");
    const size_t answers = to.mostAnswers != 0 ? ByteStream::kMostBacklog + to.mostAnswers : 0;
    require(lost <= missing + to.peer.unacknowledged + setup.preface + answers +
                        kSealedAtOnce * to.peer.overhead,
            "more is counted as lost than did not arrive");
  }

  void require(bool condition, const char* wrong) { verdict_.require(condition, wrong); }

  SimVerdict& verdict_;
};

}  // namespace culvert::simulation
