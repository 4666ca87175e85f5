// SPDX-License-Identifier: GPL-3.0-or-later
// HandshakeQueue bounds the time that one turn of a loop spends on handshakes, so that many new
// clients do not delay established tunnels. A step of a handshake runs at once if the turn has time
// left for handshakes and no other step waits. Otherwise the step waits in the queue, and culvert
// does not watch the tunnel's socket. At the end of each turn the queue runs at least one step. It
// runs more steps until the turn's time for handshakes (kSlice) is used up. Thread: loop.
//
// Two of three steps go to clients that culvert has already answered, because their handshakes need
// few more steps, and a finished handshake frees memory. The third step goes to a new client, so
// that new clients do not starve. Connections without a tunnel come last, because it is better to
// finish handshakes than to begin new ones.
#pragma once

#include "base/clock.h"
#include "base/intrusive_list.h"
#include "event/event_loop.h"
#include "stats/counters.h"

namespace culvert {

struct TunnelEnd;

class HandshakeQueue final : private RunSoon {
 public:
  /// The accepted connections that have no tunnel yet.
  class Arrivals {
   public:
    /// Makes a tunnel of the oldest connection and starts it. Returns false if no connection waits.
    virtual bool startNext() = 0;

   protected:
    ~Arrivals() = default;
  };

  /// The time for handshakes in one turn. It is enough for one full handshake with RSA-2048 or a
  /// few with P-256, and long compared with the fixed overhead of a turn. In a turn, handshakes
  /// delay an established tunnel by at most one slice and one step.
  static constexpr Micros kSlice{500};

  HandshakeQueue(EventLoop& loop, CounterBlock& counters, Micros slice = kSlice);
  ~HandshakeQueue();

  void setArrivals(Arrivals& arrivals) { arrivals_ = &arrivals; }
  /// Announces waiting connections. The queue then calls startNext() in the next slices until
  /// startNext() returns false.
  void arrivalsWait();

  /// Runs a step of the end's handshake and returns true. If the step has to wait, puts the end
  /// into the queue and returns false. After false, the caller must not watch the end's socket.
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
  IntrusiveList<TunnelEnd, HandshakeQueue> answered_;  // clients to which culvert has sent bytes
  IntrusiveList<TunnelEnd, HandshakeQueue> fresh_;
  bool arrivalsWait_ = false;
  unsigned picks_ = 0;
  TimePoint turn_{};         // when the turn that spent_ measures began
  Clock::duration spent_{};  // time spent on handshakes in the turn
};

}  // namespace culvert
