// SPDX-License-Identifier: GPL-3.0-or-later
// SimTunnel is one tunnel of a simulation with both its peers, its dialer and its host, and what has
// become of them. Thread: loop.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "byte_pattern.h"
#include "sim_stream.h"
#include "tunnel/tunnel_set.h"

namespace culvert::simulation {

/// A peer whose bytes tell their place, and what has arrived there from the other one.
struct SimSide {
  explicit SimSide(uint8_t s) : seed(s) {}

  static constexpr size_t kFeedAtMost = 400'000;

  ScriptedPeer peer;
  StreamNotes notes;
  const uint8_t seed;
  size_t fed = 0;
  size_t arrived = 0;      ///< of the other side's bytes
  bool speaks = true;      ///< has not ended
  bool sound = true;       ///< its connection never broke: what is meant for it can be delivered
  unsigned ends = 0;       ///< how it has ended, as bits of IoStatus
  size_t mostAnswers = 0;  ///< the longest answer that one read() of it makes
  bool finJudged = false;
  bool couldRead = false;   // at the last look: payload that the call of an armed watcher reads
  bool couldWrite = false;  // the same for what waits to be written

  bool endedWith(IoStatus status) const { return (ends >> static_cast<unsigned>(status) & 1) != 0; }
  void note(IoStatus status) { ends |= 1u << static_cast<unsigned>(status); }

  void configure(const SideSetup& setup) {
    peer.window = setup.window;
    peer.readAtMost = setup.readAtMost;
    peer.overhead = setup.overhead;
    peer.holdAcks = setup.holdAcks;
  }
  void feed(size_t bytes) {
    if (!speaks) return;
    bytes = std::min(bytes, kFeedAtMost - fed);
    peer.input += pattern(bytes, seed, fed);
    fed += bytes;
  }
  void end(IoStatus how, bool known) {
    if (!speaks) return;
    if (how == IoStatus::kReset) return reset();
    if (how == IoStatus::kFailed && known)
      peer.failure = {CloseCause::kTlsSent, "bad_record_mac", "scripted"};
    speaks = false;
    note(how);
    peer.inputEnd = how;
  }
  void reset() {
    speaks = sound = false;
    note(IoStatus::kReset);
    peer.reset();
  }
  /// Its stream breaks when it is written to; its peer says nothing of that.
  void failWrites() {
    sound = false;
    note(IoStatus::kFailed);
    peer.writeEnd = IoStatus::kFailed;
    peer.failure = {CloseCause::kTlsError, "encrypt", "scripted"};
  }
  /// What a step of the handshake meets.
  void meetHandshake(IoStatus status, bool known) {
    if (!speaks) return;
    peer.handshakes.push_back(status);
    if (status == IoStatus::kOk || status == IoStatus::kBlocked) return;
    note(status);
    if (status == IoStatus::kReset) return reset();
    if (status == IoStatus::kFailed && known)
      peer.failure = {CloseCause::kTlsSent, "handshake_failure", "scripted"};
    if (status == IoStatus::kFailed) return;
    speaks = false;
    peer.inputEnd = status;
  }
  /// Nothing stands in the way any more, and it ends in order.
  void release() {
    peer.window = peer.readAtMost = ScriptedPeer::kUnlimited;
    peer.holdAcks = false;
    peer.acknowledge();
    end(IoStatus::kEof, true);
  }
};

struct SimTunnel {
  struct Report {
    size_t ended = 0;
    size_t hostsGone = 0;
    CloseReason reason;
    uint64_t inboundLost = 0;
    uint64_t outboundLost = 0;
    TimePoint at{};
    bool clientStood = false;
    TunnelTimes times;
  };

  SimTunnel(size_t n, const TunnelSetup& s, TimePoint now)
      : number(n),
        setup(s),
        client(static_cast<uint8_t>(2 * n + 1)),
        backend(static_cast<uint8_t>(2 * n + 2)),
        accepted(now) {
    client.configure(s.client);
    backend.configure(s.backend);
    client.notes.handshakeCost = s.handshakeCost;
    client.peer.handshakeSends = 100;
    client.peer.handshakes.assign(s.handshakes.begin(), s.handshakes.end());
    if (!s.options.plan.has(OpeningStep::kClientHandshake)) client.peer.handshakes.clear();
    if (!s.options.plan.has(OpeningStep::kBackendHandshake)) return;
    backend.notes.handshakeCost = s.handshakeCost;
    backend.peer.handshakeSends = 100;
    backend.peer.handshakes.assign(s.backendHandshakes.begin(), s.backendHandshakes.end());
  }
  SimTunnel(const SimTunnel&) = delete;
  SimTunnel& operator=(const SimTunnel&) = delete;

  SimSide& side(bool ofClient) { return ofClient ? client : backend; }
  bool live() const { return tunnel != nullptr; }

  const size_t number;
  const TunnelSetup setup;
  SimSide client;
  SimSide backend;
  const TimePoint accepted;
  Tunnel* tunnel = nullptr;         ///< null before it is adopted and once it has reported
  DialObserver* dialing = nullptr;  ///< set while an answer is awaited
  bool dialed = false;              ///< an answer has come that was still wanted
  bool scarce = false;              ///< memory was scarce in one of its callbacks
  unsigned closes = 0;              ///< the causes it was closed with, as bits of CloseCause
  Report report;
  bool toldEnd = false;  ///< in words

  // What SimJudge has seen at its last look.
  TunnelState lastState = TunnelState::kHandshake;
  TimePoint stateSince{};
  Clock::duration stoodStillInState{};  ///< how long the process stood still within this state
  TimePoint lastMove{};                 ///< when bytes or an end last moved, or the state changed
  size_t waited[2] = {0, 0};  ///< bytes in the FIFO, outbound and inbound, after the step before
  uint64_t moved = 0;         ///< bytes that had moved then
  bool reasonSeen = false;
  bool dialJudged = false;
  bool reportJudged = false;
  bool cutByLimit = false;  ///< idle-timeout or stall-timeout, perhaps after an end
  CloseReason lastReason;
  SourcePlace lastPlace;
};

class SimDialer final : public Dialer {
 public:
  SimDialer(SimTunnel& tunnel, SimulatedTime& time) : tunnel_(tunnel), time_(time) {}
  ~SimDialer() override { tunnel_.dialing = nullptr; }
  void dial(DialObserver& observer) override {
    tunnel_.dialing = &observer;
    if (tunnel_.setup.dialAtOnce) answer(tunnel_, time_);
  }
  static void answer(SimTunnel& t, SimulatedTime& time) {
    DialObserver* observer = std::exchange(t.dialing, nullptr);
    if (observer == nullptr) return;
    // The dialer lives until the turn ends, perhaps longer than the wish for its answer.
    t.dialed = t.live() && t.tunnel->state() == TunnelState::kConnect;
    if (t.setup.dialFailure) return observer->onDialFailed({*t.setup.dialFailure, "", "scripted"});
    std::unique_ptr<ByteStream> stream;
    {
      const ScarceMemory::Plenty plenty;
      stream = std::make_unique<SimStream>(t.backend.peer, t.backend.notes, time,
                                           t.setup.backend.preface);
    }
    observer->onDialed(std::move(stream), SocketAddress::ipv4(INADDR_LOOPBACK, 7));
  }

 private:
  SimTunnel& tunnel_;
  SimulatedTime& time_;
};

class SimHost final : public TunnelHost {
 public:
  SimHost(SimTunnel& tunnel, SimulatedTime& time) : tunnel_(tunnel), time_(time) {}
  ~SimHost() override { ++tunnel_.report.hostsGone; }
  std::unique_ptr<Dialer> dialerFor(Tunnel&) override {
    return std::make_unique<SimDialer>(tunnel_, time_);
  }
  void onTunnelEnded(Tunnel& tunnel) override {
    const ScarceMemory::Plenty plenty;
    SimTunnel::Report& r = tunnel_.report;
    ++r.ended;
    r.reason = tunnel.reason();
    r.inboundLost = tunnel.inbound().lost();
    r.outboundLost = tunnel.outbound().lost();
    r.at = time_.now();
    r.times = tunnel.times();
    r.clientStood = tunnel_.client.peer.stream != nullptr;
    tunnel_.client.notes.over = tunnel_.backend.notes.over = true;
    tunnel_.tunnel = nullptr;
  }

 private:
  SimTunnel& tunnel_;
  SimulatedTime& time_;
};

}  // namespace culvert::simulation
