// SPDX-License-Identifier: GPL-3.0-or-later
// HandshakeGate lets full handshakes pass at a HandshakeRate, on one worker. A handshake that has to
// wait queues by the network of its client. The gate holds at most one reservation of the rate, so
// the workers share the rate equally as long as each has waiters. A HandshakeTurn is one handshake on
// its way through the gate of its service and then through the gate of the process. Thread: loop.
//
// Each worker has queues of its own. So a waiting handshake needs no lock and no message between
// threads, and a worker without clients leaves the whole rate to the others.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>

#include "event/callback.h"
#include "event/event_loop.h"
#include "event/timer.h"
#include "limit/fair_queue.h"
#include "limit/handshake_rate.h"

namespace culvert {

class HandshakeGates;

class HandshakeGate {
 public:
  /// A waiter of the gate.
  class Passenger : public FairQueue::Waiter {
   public:
    /// The passenger may pass now. It has left the queue.
    virtual void onPassed() = 0;

   protected:
    ~Passenger() = default;
  };
  enum class Entry : uint8_t { kPassed, kWaits, kRefused };

  /// Of one network, as many handshakes may wait as the rate serves in kMostWaitSeconds, but at least
  /// kLeastWaiting.
  static constexpr uint64_t kMostWaitSeconds = 2;
  static constexpr size_t kLeastWaiting = 64;

  /// Whoever waits keeps the rate alive; the gate does not.
  HandshakeGate(EventLoop& loop, const std::shared_ptr<HandshakeRate>& rate)
      : loop_(loop),
        rate_(rate.get()),
        watch_(rate),
        timer_(loop, this, call<&HandshakeGate::onTimer>) {}

  /// Lets the passenger pass at once, or puts it into the queue. Refuses it if too many passengers
  /// of its network wait.
  Entry enter(Passenger& passenger, const SourceKey& network);

  HandshakeRate& rate() { return *rate_; }
  const FairQueue& queue() const { return queue_; }
  /// Returns true if the rate does not exist any more.
  bool abandoned() const { return watch_.expired(); }

 private:
  bool takeToken();
  void onTimer();

  EventLoop& loop_;
  HandshakeRate* const rate_;
  const std::weak_ptr<HandshakeRate> watch_;
  FairQueue queue_;
  Timer timer_;
  TimePoint reserved_ = kNever;  // when the token that the gate has reserved may be used
};

/// One handshake. Ask once when the client's hello has been read.
class HandshakeTurn final : private HandshakeGate::Passenger {
 public:
  enum class State : uint8_t { kNew, kWaits, kPassed, kRefused, kExempt };
  using Callback = void (*)(void* context);

  /// Either gate may be nullptr.
  HandshakeTurn(HandshakeGate* service, HandshakeGate* process, const SocketAddress& client)
      : gates_{service, process}, network_(SourceKey::networkOf(client)) {}

  /// Requests the token of each gate. If the state is then kWaits, calls `onSettled` once, when the
  /// state has become kPassed or kRefused.
  State ask(void* context, Callback onSettled);
  /// The handshake resumes a session, so it needs no token.
  void exempt() { state_ = State::kExempt; }
  /// The handshake was exempt, but became a full one: takes the tokens now.
  void charge(TimePoint now);

  State state() const { return state_; }

 private:
  void onPassed() override;
  void proceed();

  HandshakeGate* gates_[2];
  const SourceKey network_;
  Callback onSettled_ = nullptr;
  void* context_ = nullptr;
  uint8_t next_ = 0;  // index of the next gate
  State state_ = State::kNew;
};

/// The gates of one worker.
class HandshakeGates {
 public:
  explicit HandshakeGates(EventLoop& loop) : loop_(loop) {}

  /// Sets the rate of the process. Without it, only services have rates.
  void setProcessRate(std::shared_ptr<HandshakeRate> rate) { process_ = std::move(rate); }

  /// Returns the turn of one handshake with a client, or nullptr if no rate is set. `service` is
  /// the rate of the service, or nullptr.
  std::unique_ptr<HandshakeTurn> turnFor(const std::shared_ptr<HandshakeRate>& service,
                                         const SocketAddress& client);

  /// Number of gates, for tests.
  size_t size() const { return gates_.size(); }

 private:
  HandshakeGate* gateOf(const std::shared_ptr<HandshakeRate>& rate);

  EventLoop& loop_;
  std::shared_ptr<HandshakeRate> process_;
  std::unordered_map<const HandshakeRate*, std::unique_ptr<HandshakeGate>> gates_;
};

}  // namespace culvert
