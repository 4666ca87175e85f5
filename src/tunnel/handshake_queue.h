// SPDX-License-Identifier: GPL-3.0-or-later
// HandshakeQueue bounds the time that one turn of a loop spends on handshakes, so that many new
// clients do not delay established tunnels. A step of a handshake runs at once if the turn has time
// left for handshakes and no other step waits. Otherwise it waits here, and its socket is not
// watched. At the end of each turn the queue runs steps until the slice is used up, at least one.
// Thread: loop.
//
// The order: clients that culvert has already answered come before new ones, two to one. They need
// little more, and their memory is freed at the end of the handshake; new clients do not starve.
// Connections without a tunnel come last: it is better to finish handshakes than to begin new ones.
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
    /// Makes a tunnel of the oldest connection and starts it. Returns false if none waits.
    virtual bool startNext() = 0;

   protected:
    ~Arrivals() = default;
  };

  /// Enough for one full handshake with RSA-2048 or a few with P-256, and long compared with the
  /// cost of a turn. An established tunnel waits for at most one slice and one step.
  static constexpr Micros kSlice{500};

  HandshakeQueue(EventLoop& loop, CounterBlock& counters, Micros slice = kSlice);
  ~HandshakeQueue();

  void setArrivals(Arrivals& arrivals) { arrivals_ = &arrivals; }
  /// Calls startNext() in the next slices until it returns false.
  void arrivalsWait();

  /// Runs a step of the end's handshake. Returns false if the step has to wait: the end is then in
  /// the queue, and its socket must not be watched.
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
  IntrusiveList<TunnelEnd, HandshakeQueue> answered_;  // culvert has sent something to this peer
  IntrusiveList<TunnelEnd, HandshakeQueue> fresh_;
  bool arrivalsWait_ = false;
  unsigned picks_ = 0;
  TimePoint turn_{};         // the turn that spent_ belongs to
  Clock::duration spent_{};  // on handshakes in that turn
};

}  // namespace culvert
