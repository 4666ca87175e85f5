// SPDX-License-Identifier: GPL-3.0-or-later
// The opening of a tunnel: the steps of its plan, up to the relay. See tunnel.h.
#include <array>
#include <utility>

#include "tunnel/tunnel.h"

namespace culvert {
namespace {

// How often one turn of the loop carries the bytes of a dialog to and fro.
constexpr unsigned kDialogRounds = 64;

}  // namespace

void Tunnel::start() {
  inbound_.touch(context_.loop.now());
  guarded([this] {
    if (state_ != TunnelState::kHandshake || endLateHandshake(client_, true)) return;
    if (!options_->plan.has(OpeningStep::kClientHandshake)) {
      clientLater_ = client_.stream->phase() != OpeningPhase::kDone;
      if (!clientLater_) times_.handshakeDone = times_.accepted;
    }
    advance();
    settle();
  });
}

/// Begins the next step of the plan.
void Tunnel::advance() {
  switch (options_->plan.steps[step_++]) {
    case OpeningStep::kClientHandshake:
      enter(TunnelState::kHandshake);
      return driveHandshake(client_);
    case OpeningStep::kConnect:
      return startConnect();
    case OpeningStep::kBackendHandshake:
      return beginBackendHandshake();
    case OpeningStep::kRelay:
      return beginRelay();
  }
}

void TunnelEnd::handshakeStep() { tunnel.handshakeStep(*this); }

void Tunnel::handshakeStep(End& end) {
  guarded([&] {
    if (awaitedHandshake() == nullptr || endLateHandshake(end, true)) return;
    driveHandshake(end);
    settle();
  });
}

void Tunnel::driveHandshake(End& end) {
  // A client may have sent bytes already, and a TLS client has to learn that its tunnel failed.
  const EndGoal peerGoal = deliveryTo(peerOf(end));
  const IoStatus status = end.stream->handshake();
  if (status == IoStatus::kBlocked) return;
  if (status == IoStatus::kOk) {
    if (&end == &client_) times_.handshakeDone = Clock::now();
    return state_ == TunnelState::kDialog ? runDialog() : advance();
  }
  forgetEnd();
  switch (status) {
    case IoStatus::kEof:
      if (&end == &client_)
        return beginClosing({CloseCause::kProbe}, end, EndGoal::kDone, EndGoal::kDone);
      [[fallthrough]];
    case IoStatus::kTruncated:
      return beginClosing({end.words.truncated, "", end.words.left}, end, EndGoal::kDone, peerGoal);
    case IoStatus::kReset:
      return beginClosing({end.words.reset, "", end.words.left}, end, EndGoal::kDone, peerGoal);
    default:
      return beginClosing(end.failure(), end, EndGoal::kLinger, peerGoal);
  }
}

/// Call when the opening fails. The end of the client's direction may have been recorded, but it is
/// not why the tunnel failed.
void Tunnel::forgetEnd() { reasonSet_ = false; }

/// The time when the timeout of the current handshake ends: a client's counts from the accept, a
/// backend's from the connect. If the process stood still at that time, culvert postpones the
/// deadline once.
TimePoint Tunnel::handshakeDeadline() const {
  if (stoodStill_) return nextPoll_;
  const bool client = awaitedHandshake() == &client_;
  return deadlineAfter(client ? times_.accepted : times_.connected, options_->handshakeTimeout);
}

/// Returns the end whose handshake, or dialog before it, has to be done within handshake-timeout;
/// nullptr if there is none.
const TunnelEnd* Tunnel::awaitedHandshake() const {
  const auto insecure = [](const End& end) {
    const OpeningPhase phase = end.stream->phase();
    return phase == OpeningPhase::kHandshake || phase == OpeningPhase::kDialog;
  };
  switch (state_) {
    case TunnelState::kHandshake:
      return &client_;
    case TunnelState::kBackendHandshake:
      return &backend_;
    case TunnelState::kDialog:
      if (clientLater_ && insecure(client_)) return &client_;
      return insecure(backend_) ? &backend_ : insecure(client_) ? &client_ : nullptr;
    default:
      return nullptr;
  }
}

/// If the handshake takes too long, closes the tunnel and returns true. `due` is true if the next
/// step waits in the HandshakeQueue, and false if culvert waits for the client.
bool Tunnel::endLateHandshake(const End& end, bool due) {
  const TimePoint now = context_.loop.now();
  if (now < handshakeDeadline()) return false;
  allowForStandstill(now);
  if (now < handshakeDeadline()) return false;
  if (&end == &backend_) context_.counters.add(Counter::kBackendHandshakesFailed);
  forgetEnd();
  if (auto delay = end.stream->handshakeDelay()) {
    close(std::move(*delay));
    return true;
  }
  close({CloseCause::kHandshakeTimeout, "",
         due ? "culvert has too many handshakes in progress" : end.stream->handshakeProgress()});
  return true;
}

void Tunnel::startConnect() {
  const TimePoint now = context_.loop.now();
  enter(TunnelState::kConnect);
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
    backend_.stream->setObserver(&backend_);
    backendAddress_ = address;
    times_.connected = Clock::now();
    context_.counters.add(Counter::kBackendConnectsOk);
    advance();
    settle();
  });
}

/// Begins the handshake with the backend. Its first step, which makes the keys, may have to wait for
/// other handshakes.
void Tunnel::beginBackendHandshake() {
  enter(TunnelState::kBackendHandshake);
  backend_.lateHandshake = true;
  nextPoll_ = kNever;
  stoodStill_ = false;
  (void)context_.handshakes.drive(backend_);
}

/// Joins the two ends. If one of them still has to agree on TLS with its peer, or changes the first
/// bytes behind TLS, the dialog comes first.
void Tunnel::beginRelay() {
  const TimePoint now = context_.loop.now();
  enter(TunnelState::kDialog);
  nextPoll_ = kNever;
  stoodStill_ = false;
  inbound_.setSink(backend_.stream.get());
  outbound_.setSource(backend_.stream.get());
  inbound_.touch(now);
  // Send the PROXY header now, because the client may not have sent any bytes yet.
  if (backend_.stream->flush() == IoStatus::kReset) inbound_.markSinkBroken(now);
  runDialog();
}

/// Carries the bytes of the dialogs both ways, until nothing moves.
void Tunnel::runDialog() {
  const TimePoint now = context_.loop.now();
  for (unsigned i = 0; i < kDialogRounds; ++i) {
    if (client_.stream->phase() == OpeningPhase::kDone &&
        backend_.stream->phase() == OpeningPhase::kDone)
      return endDialog();
    if (!dialogStep(now) || state_ != TunnelState::kDialog) return;
  }
  timer_.armBy(now);  // goes on in the next turn
}

/// Returns whether something has moved.
bool Tunnel::dialogStep(TimePoint now) {
  const auto state = [this] {
    return std::array<uint64_t, 6>{inbound_.delivered(),
                                   inbound_.buffered(),
                                   outbound_.delivered(),
                                   outbound_.buffered(),
                                   static_cast<uint64_t>(client_.stream->phase()),
                                   static_cast<uint64_t>(backend_.stream->phase())};
  };
  const auto before = state();
  inbound_.run(now);
  outbound_.run(now);
  for (End* end : {&client_, &backend_}) {
    if (end->tlsBegun || end->stream->phase() != OpeningPhase::kHandshake) continue;
    end->tlsBegun = end->lateHandshake = true;
    (void)context_.handshakes.drive(*end);
    if (state_ != TunnelState::kDialog) return false;
  }
  return state() != before;
}

void Tunnel::endDialog() {
  enter(TunnelState::kRelay);
  times_.opened = Clock::now();
  host_->onOpened(*this);
  const TimePoint now = context_.loop.now();
  for (End* end : {&client_, &backend_}) {
    replaceByOpened(*end);
    // Bytes may have arrived with the last flight of the handshake, such as a server's greeting.
    if (end->lateHandshake) pumpFrom(*end).run(now);
  }
  inbound_.push(now);
  // A clean end may have arrived too, and push() passes it on.
  if (outbound_.buffered() != 0 || outbound_.sourceEnd() == SourceEnd::kClean) outbound_.push(now);
}

/// A stream that opened an end gives way to the stream that it has opened.
void Tunnel::replaceByOpened(End& end) {
  auto opened = end.stream->successor();
  if (!opened) return;
  opened->setObserver(&end);
  pumpFrom(end).setSource(opened.get());
  pumpTo(end).setSink(opened.get());
  std::swap(end.stream, opened);
  context_.loop.deleteLater(std::move(opened));
}

void Tunnel::onDialFailed(CloseReason reason) {
  if (dialer_) context_.loop.deleteLater(std::move(dialer_));
  if (state_ != TunnelState::kConnect) return;
  if (reason.cause == CloseCause::kBackendTimeout)
    context_.counters.add(Counter::kBackendConnectsTimedOut);
  if (reason.cause == CloseCause::kLimit) context_.counters.add(Counter::kBackendPlacesTimedOut);
  forgetEnd();
  guarded([&] {
    beginClosing(std::move(reason), client_, EndGoal::kDeliver, EndGoal::kDone);
    settle();
  });
}

}  // namespace culvert
