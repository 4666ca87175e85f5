// SPDX-License-Identifier: GPL-3.0-or-later
// SimWorld is one loop with its tunnels and the effects of actions on them. After every step it calls
// `onRest`, which looks whether all is well. Thread: loop.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim_planner.h"
#include "sim_tunnel.h"

namespace culvert::simulation {

class SimWorld final : private HandshakeQueue::Arrivals {
 public:
  explicit SimWorld(SimPlanner& p)
      : handshakes(loop, counters, p.slice()),
        context{loop, pool, counters, handshakes},
        planner(p) {
    handshakes.setArrivals(*this);
    pool.setMemoryLimit(p.memoryLimit());
  }
  ~SimWorld() {
    onRest = nullptr;
    set.closeAll({CloseCause::kDrain});
    loop.turn(false);
    loop.turn(false);
  }

  void apply(const Action& action);
  /// Every watcher that is armed and ready, as the action that calls it.
  std::vector<Action> ready() const;
  std::vector<SimPlanner::View> views() const;
  /// The loop serves everything until `time` has passed.
  void wait(Millis time);
  /// As wait(), but no longer than there are tunnels.
  void waitForEnds(Millis time);
  /// Nothing stands in any peer's way any more, and each ends in order: all tunnels have to end soon.
  void release();
  bool allEnded() const { return set.empty() && arrivals_.empty() && dying() == 0; }
  /// Tunnels that have reported and are not destroyed yet.
  size_t dying() const;

  /// What is wrong; empty: nothing so far.
  std::string fault;
  void blame(std::string what) {
    if (fault.empty()) fault = std::move(what);
  }

  SimulatedTime time;
  EventLoop loop;
  BufferPool pool;
  CounterBlock counters;
  HandshakeQueue handshakes;
  TunnelContext context;
  std::vector<std::unique_ptr<SimTunnel>> tunnels;
  TunnelSet set{loop};
  SimPlanner& planner;
  std::function<void()> onRest;
  /// True at a rest within wait(): everything ready was served and every timer that is due has fired.
  bool punctual = false;
  size_t steps = 0;

 private:
  bool startNext() override;
  void open();
  void adopt(SimTunnel& t, bool start);
  static void applyToSide(const Action& action, SimSide& side);
  void fire(const Action& action);
  void serveReady();
  void turn(bool block);
  void rest() {
    ++steps;
    if (onRest) onRest();
  }
  static size_t fingerprint(const SimTunnel& t);

  std::deque<SimTunnel*> arrivals_;
  Timer guard_{loop, nullptr, [](void*) {}};  // wakes wait() at its end
  size_t idleCalls_ = 0;
};

inline void SimWorld::apply(const Action& action) {
  switch (action.kind) {
    case ActionKind::kReady:
      return fire(action);
    case ActionKind::kScarce: {
      tunnels[action.tunnel]->scarce = true;
      const ScarceMemory scarce(action.amount);
      return fire(action);
    }
    case ActionKind::kTurn:
      return turn(false);
    case ActionKind::kWait:
      return wait(action.time);
    case ActionKind::kStandstill:
      for (const auto& t : tunnels) t->stoodStillInState += action.time;
      time.advance(action.time);
      return turn(false);
    case ActionKind::kOpen:
      return open();
    case ActionKind::kCloseAll:
      while (!arrivals_.empty()) {  // as a worker does: each gets its line in the log
        adopt(*arrivals_.front(), /*start=*/false);
        arrivals_.pop_front();
      }
      for (const auto& t : tunnels) t->closes |= 1u << static_cast<unsigned>(action.cause);
      set.closeAll({action.cause});
      return rest();
    default:
      break;
  }
  SimTunnel& t = *tunnels[action.tunnel];
  switch (action.kind) {
    case ActionKind::kDial:
      SimDialer::answer(t, time);
      break;
    case ActionKind::kClose:
      if (!t.live()) return;
      t.closes |= 1u << static_cast<unsigned>(action.cause);
      t.tunnel->close({action.cause});
      break;
    default:
      applyToSide(action, t.side(action.client));
  }
  rest();
}

inline void SimWorld::applyToSide(const Action& action, SimSide& side) {
  switch (action.kind) {
    case ActionKind::kSend:
      return side.feed(action.amount);
    case ActionKind::kOpenWindow:
      return side.peer.open(action.amount);
    case ActionKind::kShutWindow:
      side.peer.window = 0;
      return;
    case ActionKind::kAcknowledge:
      return side.peer.acknowledge();
    case ActionKind::kHoldAcks:
      side.peer.holdAcks = action.amount != 0;
      return;
    case ActionKind::kEmptyRecords:
      if (side.speaks) side.peer.emptyReads = action.amount;
      return;
    case ActionKind::kAnswers:
      if (side.peer.overhead != 0) side.peer.answersAReadWith = action.amount;
      side.mostAnswers = std::max(side.mostAnswers, side.peer.answersAReadWith);
      return;
    case ActionKind::kPace:
      side.peer.readAtMost = action.amount;
      return;
    case ActionKind::kHandshake:
      return side.meetHandshake(action.status, action.known);
    case ActionKind::kEnd:
      return side.end(action.status, action.known);
    case ActionKind::kReset:
      return side.reset();
    case ActionKind::kFailWrites:
      return side.failWrites();
    case ActionKind::kShortage:
      side.notes.shortOf = action.verb;
      return;
    default:
      return;
  }
}

inline void SimWorld::open() {
  tunnels.push_back(std::make_unique<SimTunnel>(tunnels.size(), planner.setup(), time.now()));
  SimTunnel& t = *tunnels.back();
  if (t.setup.arrives) {
    arrivals_.push_back(&t);
    handshakes.arrivalsWait();
  } else {
    adopt(t, /*start=*/true);
  }
  rest();
}

inline bool SimWorld::startNext() {
  if (arrivals_.empty()) return false;
  SimTunnel& t = *arrivals_.front();
  arrivals_.pop_front();
  adopt(t, /*start=*/true);
  return !arrivals_.empty();
}

inline void SimWorld::adopt(SimTunnel& t, bool start) {
  t.tunnel = &set.add(std::make_unique<Tunnel>(
      context, std::make_shared<const TunnelOptions>(t.setup.options),
      std::make_unique<SimHost>(t, time), t.number,
      std::make_unique<SimStream>(t.client.peer, t.client.notes, time, t.setup.client.preface),
      t.accepted));
  t.stateSince = time.now();
  if (start) t.tunnel->start();
}

inline std::vector<Action> SimWorld::ready() const {
  std::vector<Action> found;
  for (const auto& t : tunnels) {
    for (const bool client : {true, false}) {
      const ScriptedPeer& peer = t->side(client).peer;
      if (peer.stream == nullptr) continue;
      for (const bool write : {false, true}) {
        const bool armed = write ? peer.watchedWrite : peer.watchedRead;
        if (armed && (write ? peer.writable() : peer.readable()))
          found.push_back(Action{
              .kind = ActionKind::kReady, .tunnel = t->number, .client = client, .write = write});
      }
    }
  }
  return found;
}

inline std::vector<SimPlanner::View> SimWorld::views() const {
  std::vector<SimPlanner::View> views;
  for (const auto& t : tunnels) {
    const bool shakes = t->live() && t->tunnel->state() == TunnelState::kHandshake;
    views.push_back({.ended = t->report.ended != 0,
                     .shakesHands = shakes,
                     .dials = t->dialing != nullptr && !t->setup.dialNever});
  }
  return views;
}

inline void SimWorld::fire(const Action& action) {
  SimTunnel& t = *tunnels[action.tunnel];
  ScriptedPeer& peer = t.side(action.client).peer;
  const size_t before = fingerprint(t);
  bool fired = false;
  loop.guard([&] { fired = action.write ? peer.fireWritable() : peer.fireReadable(); });
  const ScarceMemory::Plenty plenty;
  if (fired && fingerprint(t) == before) {
    if (++idleCalls_ > 3) blame("a watcher is armed and ready, and its calls change nothing");
  } else {
    idleCalls_ = 0;
  }
  rest();
}

inline void SimWorld::turn(bool block) {
  time.advance(Micros(1));  // no two turns are at the same time
  loop.turn(block);
  rest();
}

inline void SimWorld::serveReady() {
  constexpr size_t kMostCalls = 50'000;
  for (size_t calls = 0; fault.empty(); ++calls) {
    const std::vector<Action> found = ready();
    if (found.empty()) return;
    fire(found[planner.random().below(found.size())]);
    if (planner.random().percent(25)) turn(false);
    if (calls > kMostCalls) blame("watchers are called without end");
  }
}

inline void SimWorld::wait(Millis duration) {
  const TimePoint from = time.now();
  const TimePoint until = from + duration;
  guard_.disarm();
  guard_.armBy(until);
  // Timers: a few at the beginning of a closing, five a second later on, twice for the kernel's tick.
  const size_t usual =
      200 + (60 + 20 * static_cast<size_t>(duration / Millis(1000))) * tunnels.size();
  for (size_t turns = 0; time.now() < until && fault.empty(); ++turns) {
    serveReady();
    if (!fault.empty() || time.now() >= until) return;
    time.advance(Micros(1));
    loop.turn(true);
    punctual = true;
    rest();
    punctual = false;
    if (turns > usual) blame("the loop wakes up too often while nothing happens");
  }
  serveReady();
}

inline void SimWorld::waitForEnds(Millis duration) {
  const TimePoint until = time.now() + duration;
  turn(false);
  for (Millis part(1); !allEnded() && time.now() < until && fault.empty(); part *= 2) wait(part);
  turn(false);
}

inline void SimWorld::release() {
  constexpr Millis kSoon{1500};  // less than a lingering close waits
  const TimePoint until = time.now() + kSoon;
  while (!allEnded() && time.now() < until && fault.empty()) {
    for (const auto& t : tunnels) {
      if (t->live() && t->tunnel->state() == TunnelState::kHandshake)
        t->client.meetHandshake(IoStatus::kOk, true);
      t->client.release();
      t->backend.release();
      SimDialer::answer(*t, time);
    }
    rest();
    wait(Millis(50));
  }
  turn(false);
}

inline size_t SimWorld::dying() const {
  size_t count = 0;
  for (const auto& t : tunnels) count += t->report.ended - t->report.hostsGone;
  return count;
}

/// Changes with everything that a call of a watcher may do.
inline size_t SimWorld::fingerprint(const SimTunnel& t) {
  size_t hash = t.report.ended;
  const auto mix = [&hash](size_t value) { hash = (hash ^ value) * 0x9e3779b97f4a7c15u; };
  for (const SimSide* side : {&t.client, &t.backend}) {
    const ScriptedPeer& p = side->peer;
    mix(p.handshakes.size());
    mix(p.taken);
    mix(p.discarded);
    mix(p.emptyReads);
    mix(p.received.size());
    mix(p.window);
    mix(p.finSeen * 8u + p.aborted * 4u + p.watchedRead * 2u + p.watchedWrite);
    mix(side->notes.shortages);
    if (p.stream != nullptr) mix(p.stream->transmitted() + p.stream->backlog());
  }
  if (t.live()) {
    mix(static_cast<size_t>(t.tunnel->state()));
    mix(t.tunnel->inbound().buffered());
    mix(t.tunnel->outbound().buffered());
  }
  return hash;
}

}  // namespace culvert::simulation
