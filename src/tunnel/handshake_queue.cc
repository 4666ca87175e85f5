// SPDX-License-Identifier: GPL-3.0-or-later
// See handshake_queue.h.
#include "tunnel/handshake_queue.h"

#include "tunnel/tunnel_end.h"

namespace culvert {
namespace {

// Every third handshake step goes to a new client.
constexpr unsigned kNewClientsTurn = 3;

}  // namespace

HandshakeQueue::HandshakeQueue(EventLoop& loop, CounterBlock& counters, Micros slice)
    : loop_(loop), counters_(counters), slice_(slice) {}

HandshakeQueue::~HandshakeQueue() = default;

void HandshakeQueue::arrivalsWait() {
  arrivalsWait_ = true;
  loop_.runSoon(*this);
}

bool HandshakeQueue::drive(TunnelEnd& end) {
  beginTurn();
  if (!waiting() && spent_ < slice_) {
    timed([&] { end.handshakeStep(); });
    return true;
  }
  (end.stream->transmitted() != 0 ? answered_ : fresh_).pushBack(end);
  loop_.runSoon(*this);
  return false;
}

void HandshakeQueue::runSoon() {
  beginTurn();
  do {
    runNext();
  } while (waiting() && spent_ < slice_);
  if (!waiting()) return;
  counters_.add(Counter::kHandshakeSlicesFull);
  loop_.runSoon(*this);
}

void HandshakeQueue::beginTurn() {
  if (turn_ == loop_.now()) return;
  turn_ = loop_.now();
  spent_ = {};
}

/// Runs one step of the handshake whose turn is next. Does nothing if all queued tunnels have ended
/// meanwhile.
void HandshakeQueue::runNext() {
  const bool newClient = ++picks_ % kNewClientsTurn == 0 && (arrivalsWait_ || !fresh_.empty());
  if (!answered_.empty() && !newClient) {
    timed([this] { answered_.popFront().handshakeStep(); });
  } else if (!fresh_.empty()) {
    timed([this] { fresh_.popFront().handshakeStep(); });
  } else if (arrivalsWait_) {
    timed([this] { arrivalsWait_ = arrivals_->startNext(); });
  }
}

template <class Step>
void HandshakeQueue::timed(Step step) {
  const TimePoint before = Clock::now();
  step();
  spent_ += Clock::now() - before;
}

}  // namespace culvert
