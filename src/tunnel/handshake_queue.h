// SPDX-License-Identifier: GPL-3.0-or-later
// HandshakeQueue bounds the time that one turn of a loop spends on handshakes, so that a crowd of
// new clients does not hold up established tunnels. A handshake's step runs at once while the turn
// has time left for handshakes and none waits; otherwise it waits here, unwatched. At the end of
// each turn the queue runs steps until the slice is used up, at least one. Thread: loop.
//
// The order: clients that culvert has answered already before new ones, two to one, since they need
// little and their memory is given back with the end of the handshake; none starves. Connections
// that are not tunnels yet come last: a step more for tunnels means a tunnel less to come.
#pragma once

#include "base/clock.h"
#include "base/intrusive_list.h"
#include "event/event_loop.h"
#include "stats/counters.h"

namespace culvert {

struct TunnelEnd;

class HandshakeQueue final : private RunSoon {
 public:
  /// Connections that have no tunnel yet.
  class Arrivals {
   public:
    /// Makes a tunnel of the oldest one and starts it. Returns false if none waits.
    virtual bool startNext() = 0;

   protected:
    ~Arrivals() = default;
  };

  /// Enough for one full handshake with RSA-2048 or a few with P-256, and long against what a turn
  /// costs. An established tunnel waits for one slice and a step.
  static constexpr Micros kSlice{500};

  HandshakeQueue(EventLoop& loop, CounterBlock& counters, Micros slice = kSlice);
  ~HandshakeQueue();

  void setArrivals(Arrivals& arrivals) { arrivals_ = &arrivals; }
  /// Calls startNext() in the slices to come until it returns false.
  void arrivalsWait();

  /// Runs a step of the end's handshake. Returns false if the step has to wait: the end is in the
  /// queue then, and its socket is not to be watched.
  [[nodiscard]] bool drive(TunnelEnd& end);

 private:
  void runSoon() override;
  bool waiting() const { return arrivalsWait_ || !answered_.empty() || !fresh_.empty(); }
  void beginTurn();
  void runNext();
  template <class Step>
  void timed(Step step);

  EventLoop& loop_;
  CounterBlock& counters_;
  const Micros slice_;
  Arrivals* arrivals_ = nullptr;
  IntrusiveList<TunnelEnd, HandshakeQueue> answered_;  // the peer has had something of ours
  IntrusiveList<TunnelEnd, HandshakeQueue> fresh_;
  bool arrivalsWait_ = false;
  unsigned picks_ = 0;
  TimePoint turn_{};         // the turn that spent_ is of
  Clock::duration spent_{};  // on handshakes within it
};

}  // namespace culvert
