// SPDX-License-Identifier: GPL-3.0-or-later
// The opening of a tunnel: the steps of its plan, up to the relay. See tunnel.h.
#include "tunnel/tunnel.h"

namespace culvert {

void Tunnel::start() {
  inbound_.touch(context_.loop.now());
  guarded([this] {
    if (state_ != TunnelState::kHandshake || endLateHandshake(client_, true)) return;
    advance();
    settle();
  });
}

/// Begins the next step of the plan.
void Tunnel::advance() {
  switch (options_->plan.steps[step_++]) {
    case OpeningStep::kClientHandshake:
      state_ = TunnelState::kHandshake;
      return driveHandshake(client_);
    case OpeningStep::kConnect:
      return startConnect();
    case OpeningStep::kRelay:
      return beginRelay();
  }
}

void TunnelEnd::handshakeStep() { tunnel.handshakeStep(*this); }

void Tunnel::handshakeStep(End& end) {
  guarded([&] {
    if (state_ != TunnelState::kHandshake || endLateHandshake(end, true)) return;
    driveHandshake(end);
    settle();
  });
}

void Tunnel::driveHandshake(End& end) {
  switch (end.stream->handshake()) {
    case IoStatus::kOk:
      times_.handshakeDone = Clock::now();
      return advance();
    case IoStatus::kBlocked:
      return;
    case IoStatus::kEof:
      return beginClosing({CloseCause::kProbe}, end, EndGoal::kDone, EndGoal::kDone);
    case IoStatus::kTruncated:
      return beginClosing({end.words.truncated, "", end.words.left}, end, EndGoal::kDone,
                          EndGoal::kDone);
    case IoStatus::kReset:
      return beginClosing({end.words.reset, "", end.words.left}, end, EndGoal::kDone,
                          EndGoal::kDone);
    case IoStatus::kFailed:
      return beginClosing(end.failure(), end, EndGoal::kLinger, EndGoal::kDone);
  }
}

/// The time when the handshake timeout ends, counted from the accept. If the process stood still at
/// that time, culvert postpones the deadline once.
TimePoint Tunnel::handshakeDeadline() const {
  return stoodStill_ ? nextPoll_ : deadlineAfter(times_.accepted, options_->handshakeTimeout);
}

/// If the handshake takes too long, closes the tunnel and returns true. `due` is true if the next
/// step waits in the HandshakeQueue, and false if culvert waits for the client.
bool Tunnel::endLateHandshake(const End& end, bool due) {
  const TimePoint now = context_.loop.now();
  if (now < handshakeDeadline()) return false;
  allowForStandstill(now);
  if (now < handshakeDeadline()) return false;
  close({CloseCause::kHandshakeTimeout, "",
         due ? "culvert has too many handshakes in progress" : end.stream->handshakeProgress()});
  return true;
}

void Tunnel::startConnect() {
  const TimePoint now = context_.loop.now();
  state_ = TunnelState::kConnect;
  nextPoll_ = kNever;
  stoodStill_ = false;
  inbound_.touch(now);
  inbound_.pull(now);  // decrypts the bytes that arrived with the client's last flight
  dialer_ = host_->dialerFor(*this);
  dialer_->dial(*this);
}

void Tunnel::onDialed(std::unique_ptr<ByteStream> backend, const SocketAddress& address) {
  guarded([&] {
    if (dialer_) context_.loop.deleteLater(std::move(dialer_));
    if (state_ != TunnelState::kConnect) return;
    backend_.stream = std::move(backend);
    backendAddress_ = address;
    times_.connected = Clock::now();
    context_.counters.add(Counter::kBackendConnectsOk);
    advance();
    settle();
  });
}

void Tunnel::beginRelay() {
  const TimePoint now = context_.loop.now();
  state_ = TunnelState::kRelay;
  backend_.stream->setObserver(&backend_);
  inbound_.setSink(backend_.stream.get());
  outbound_.setSource(backend_.stream.get());
  inbound_.touch(now);
  // Send the PROXY header now, because the client may not have sent any bytes yet.
  if (backend_.stream->flush() == IoStatus::kReset) inbound_.markSinkBroken(now);
  inbound_.push(now);
}

void Tunnel::onDialFailed(CloseReason reason) {
  if (dialer_) context_.loop.deleteLater(std::move(dialer_));
  if (state_ != TunnelState::kConnect) return;
  if (reason.cause == CloseCause::kBackendTimeout)
    context_.counters.add(Counter::kBackendConnectsTimedOut);
  reasonSet_ = false;  // an end of the client's direction may be recorded, but that end is not why
                       // the tunnel failed
  guarded([&] {
    beginClosing(std::move(reason), client_, EndGoal::kDeliver, EndGoal::kDone);
    settle();
  });
}

}  // namespace culvert
