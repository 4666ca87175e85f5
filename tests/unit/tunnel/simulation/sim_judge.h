// SPDX-License-Identifier: GPL-3.0-or-later
// SimJudge looks at a world after every step and says what must not be: its invariants. It changes
// nothing in the world but the notes of what it has seen. SimLedger judges the bytes, SimLimits the
// time; states, reasons, watchers and counters are here. Thread: loop.
#pragma once

#include <algorithm>
#include <string>

#include "sim_ledger.h"
#include "sim_limits.h"

namespace culvert::simulation {

class SimJudge {
 public:
  explicit SimJudge(SimWorld& world) : w_(world), verdict_{world} {}

  /// After each step.
  void look() {
    size_t leased = 0;
    for (const auto& t : w_.tunnels) {
      verdict_.at = t.get();
      ledger_.look(*t);
      if (t->report.ended != 0) {
        lookAtReport(*t);
      } else if (t->live()) {
        lookAtState(*t);
        lookAtReason(*t);
        lookAtWatchers(*t);
        require(t->client.notes.shortages + t->backend.notes.shortages == 0,
                "a tunnel goes on after a shortage of memory");
        for (const Pump* pump : {&t->tunnel->inbound(), &t->tunnel->outbound()})
          leased += pump->buffered() != 0 ? pump->blockBytes() : 0;
        if (w_.punctual) limits_.look(*t);
        SimLimits::noteChances(*t);
      }
    }
    verdict_.at = nullptr;
    require(w_.pool.leasedBytes() == leased, "a block of memory is held without bytes in it");
    lookAtCounters();
    lookAtMemory();
    limitCloses_ = limitCloses();
  }

  /// After the last step.
  void lookAtEnd() {
    require(w_.allEnded(), "a tunnel has not ended");
    if (!w_.fault.empty()) return;
    require(w_.pool.leasedBytes() == 0, "memory is not given back");
    for (const auto& t : w_.tunnels) {
      verdict_.at = t.get();
      require(t->report.ended == 1 && t->report.hostsGone == 1, "the end is not reported once");
      require(t->client.peer.stream == nullptr && t->backend.peer.stream == nullptr,
              "a stream outlives its tunnel");
      ledger_.lookAtEnd(*t);
    }
    verdict_.at = nullptr;
  }

 private:
  // --- states, the reason and the report

  void lookAtState(SimTunnel& t) {
    const TunnelState state = t.tunnel->state();
    uint64_t moved = 0;
    for (const SimSide* side : {&t.client, &t.backend}) {
      moved += side->peer.taken;
      if (side->peer.stream != nullptr) moved += side->peer.stream->transmitted();
    }
    for (const Pump* pump : {&t.tunnel->inbound(), &t.tunnel->outbound()})
      moved += (pump->sourceEnd() != SourceEnd::kOpen) + pump->done() + pump->sinkBroken();
    if (moved != t.moved || state != t.lastState) t.lastMove = w_.time.now();
    t.moved = moved;
    if (state == t.lastState) return;
    require(state > t.lastState, "the tunnel has gone back to an earlier state");
    t.lastState = state;
    t.stateSince = w_.time.now();
    t.stoodStillInState = Clock::duration{};
  }

  void lookAtReason(SimTunnel& t) {
    const SourcePlace& place = t.tunnel->closedAt();
    if (place.line == 0) return require(!t.reasonSeen, "the reason is taken back");
    const CloseReason& reason = t.tunnel->reason();
    if (t.reasonSeen) compareReason(t, reason);
    require(t.lastState >= TunnelState::kConnect || t.tunnel->state() >= TunnelState::kClosing,
            "a reason is given within the handshake");
    t.reasonSeen = true;
    t.lastReason = reason;
    t.lastPlace = place;
  }

  /// The detail may grow, for an end that was cut later on.
  void compareReason(SimTunnel& t, const CloseReason& reason) {
    const bool dialFailed = t.dialed && t.setup.dialFailure.has_value();
    if (dialFailed && !t.dialJudged) {
      t.dialJudged = true;
      return;
    }
    // A client that has ended is not why the handshake with the backend fails.
    if (t.lastState == TunnelState::kBackendHandshake && reason.cause != t.lastReason.cause) return;
    require(reason.cause == t.lastReason.cause && reason.word == t.lastReason.word,
            "a second reason overwrites the first");
    require(reason.detail.starts_with(t.lastReason.detail), "the reason's detail is overwritten");
  }

  void lookAtReport(SimTunnel& t) {
    if (t.reportJudged) return;
    t.reportJudged = true;
    t.cutByLimit = limitCloses() != limitCloses_;
    require(t.report.ended == 1, "the end is reported twice");
    require(t.report.clientStood, "the client's stream is gone before the report");
    for (SimSide* side : {&t.client, &t.backend})
      require(!side->peer.watchedRead && !side->peer.watchedWrite,
              "a watcher is armed after the report");
    if (t.reasonSeen) compareReason(t, t.report.reason);
    require(SimLimits::explained(t), "the cause is not what has happened");
    require(!SimLimits::judgedTooEarly(t), "a limit is judged before what waits is looked at");
    const TunnelTimes& times = t.report.times;
    const TimePoint never{};
    require(times.ended >= times.accepted &&
                (times.connected == never || times.connected >= times.handshakeDone) &&
                (times.connected == never) == (!t.dialed || t.setup.dialFailure.has_value()),
            "the moments of its life are out of order");
    const bool lingers = t.report.reason.cause == CloseCause::kTlsSent && t.closes == 0 &&
                         !t.backend.endedWith(IoStatus::kFailed) && !memoryWasShort(t);
    require(!lingers || !t.client.peer.aborted, "a client is aborted before its alert arrives");
  }

  // --- watchers

  void lookAtWatchers(SimTunnel& t) {
    const Tunnel& tunnel = *t.tunnel;
    const Interest wanted = tunnel.interest();
    lookAtWatcher(t.client.peer, wanted.client);
    lookAtWatcher(t.backend.peer, wanted.backend);
    // Without the tunnel's own word: what waits is watched for, and nothing else is.
    if (tunnel.state() != TunnelState::kRelay) return;
    lookAtEnd(t.client, t.backend, tunnel.inbound(), tunnel.outbound());
    lookAtEnd(t.backend, t.client, tunnel.outbound(), tunnel.inbound());
  }

  void lookAtWatcher(const ScriptedPeer& peer, const EndInterest& wanted) {
    if (peer.stream == nullptr) return;
    require(peer.watchedRead >= wanted.read && peer.watchedWrite >= wanted.write,
            "a watcher is missing: the tunnel waits for what nobody watches");
    require(peer.watchedRead <= wanted.read && peer.watchedWrite <= wanted.write,
            "a watcher is armed, and nobody wants it");
  }

  void lookAtEnd(const SimSide& side, const SimSide& other, const Pump& from, const Pump& to) {
    const ScriptedPeer& peer = side.peer;
    if (peer.stream == nullptr) return require(false, "a stream is gone within the relay");
    const size_t backlog = peer.stream->backlog();
    const size_t lowMark = std::max(from.capacity() / 2, ByteStream::kReadUnit);
    // A direction that memory-limit has paused reads again when none of its bytes wait.
    const bool room = from.waiting() + lowMark <= from.capacity() &&
                      (from.waiting() == 0 || w_.pool.memory().limit() == 0) &&
                      backlog < ByteStream::kMostBacklog;
    if (from.sourceEnd() == SourceEnd::kOpen && !from.sinkBroken() && room)
      require(peer.watchedRead, "nobody reads, though there is room");
    if (from.sourceEnd() != SourceEnd::kOpen)
      require(!peer.watchedRead, "a source is watched that has ended");
    // The other one's own answers use up the room, too; that is seen at the next call.
    if (from.waiting() + ByteStream::kReadUnit > from.capacity() && other.mostAnswers == 0)
      require(!peer.watchedRead, "a source is watched, and there is no room");
    if (to.waiting() != 0 && !to.sinkBroken())
      require(peer.watchedWrite, "bytes wait, and nobody waits for the sink");
    if (!to.sinkBroken())
      require((to.waiting() != 0) == (to.stalledSince() != kNever),
              "the time for a stall runs without bytes that wait, or does not run with some");
  }

  // --- counters

  void lookAtCounters() {
    uint64_t opened = 0;
    uint64_t closed = 0;
    uint64_t gone = 0;
    uint64_t lost[2] = {0, 0};
    uint64_t live = 0;
    for (const auto& t : w_.tunnels) {
      opened += t->live() || t->report.ended != 0;
      closed += t->report.ended;
      gone += t->report.hostsGone;
      live += t->live();
      lost[0] += t->live() ? t->tunnel->inbound().lost() : t->report.inboundLost;
      lost[1] += t->live() ? t->tunnel->outbound().lost() : t->report.outboundLost;
    }
    const auto count = [this](Counter counter) { return w_.counters.get(counter); };
    require(count(Counter::kTunnelsOpened) == opened, "tunnels_opened is wrong");
    require(count(Counter::kTunnelsClosed) == closed, "tunnels_closed is wrong");
    require(count(Counter::kTunnelsActive) == opened - gone, "tunnels_active is wrong");
    require(w_.set.size() == live, "the set of tunnels has another size");
    require(count(Counter::kBytesLostInbound) == lost[0], "inbound_lost_bytes is wrong");
    require(count(Counter::kBytesLostOutbound) == lost[1], "outbound_lost_bytes is wrong");
    uint64_t causes = 0;
    for (size_t cause = 0; cause < kMaxCauses; ++cause) causes += w_.counters.cause(cause);
    require(causes == closed, "the causes do not add up to tunnels_closed");
  }

  // --- memory

  /// The account is right, and while memory is short, a direction that had more than one record does
  /// not get more.
  void lookAtMemory() {
    MemoryShare& memory = w_.pool.memory();
    require(memory.used(MemoryUse::kBuffers) == w_.pool.leasedBytes() + w_.pool.keptBytes(),
            "the account of buffers is wrong");
    require((memory.used(MemoryUse::kTunnels) == 0) == (w_.set.empty() && w_.dying() == 0),
            "the account of tunnels is wrong");
    const bool tight = w_.pool.tight();
    for (const auto& t : w_.tunnels) {
      verdict_.at = t.get();
      for (const bool inbound : {true, false}) {
        size_t& before = t->waited[inbound];
        const Pump* pump = !t->live() ? nullptr
                           : inbound  ? &t->tunnel->inbound()
                                      : &t->tunnel->outbound();
        const size_t waiting = pump == nullptr ? 0 : pump->buffered();
        require(!tight_ || !tight || waiting <= std::max(before, ByteStream::kReadUnit),
                "more than one record gathers, though memory is short");
        before = waiting;
      }
    }
    verdict_.at = nullptr;
    tight_ = tight;
  }

  uint64_t limitCloses() const {
    return w_.counters.get(Counter::kIdleCloses) + w_.counters.get(Counter::kStallsClient) +
           w_.counters.get(Counter::kStallsBackend);
  }
  void require(bool condition, const char* wrong) { verdict_.require(condition, wrong); }

  SimWorld& w_;
  SimVerdict verdict_;
  SimLedger ledger_{verdict_};
  SimLimits limits_{verdict_};
  uint64_t limitCloses_ = 0;
  bool tight_ = false;  // after the step before
};

}  // namespace culvert::simulation
