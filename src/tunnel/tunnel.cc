// SPDX-License-Identifier: GPL-3.0-or-later
// The relay of a tunnel, the handling of ends during the relay, and the tunnel's timer. See
// tunnel.h. The opening is in tunnel_opening.cc, the closing state in tunnel_closing.cc.
#include "tunnel/tunnel.h"

#include <algorithm>

#include "base/check.h"
#include "tunnel/tunnel_set.h"

namespace culvert {
namespace {

// culvert does not read a socket whose FIFO is full or whose direction has ended, so it would not
// notice a reset of that socket. culvert polls such sockets at this interval.
constexpr Millis kUnreadPoll{500};
// After a standstill of the process, culvert allows a client this additional time to answer.
constexpr Millis kAnswerTime{1000};
// What an idle tunnel takes on the heap, with its streams and their sessions. Measured with TLS at one
// end: 2.4 to 2.6 KiB. Buffers and handshakes count by themselves.
constexpr size_t kTunnelMemory = 3 * 1024;

}  // namespace

Tunnel::Tunnel(const TunnelContext& context, std::shared_ptr<const TunnelOptions> options,
               std::unique_ptr<TunnelHost> host, uint64_t id, std::unique_ptr<ByteStream> client,
               TimePoint accepted)
    : context_(context),
      host_(std::move(host)),
      options_(std::move(options)),
      id_(id),
      client_(*this, kClientWords),
      backend_(*this, kBackendWords),
      inbound_(Direction::kInbound, context.pool, options_->fifoSize, context.counters),
      outbound_(Direction::kOutbound, context.pool, options_->fifoSize, context.counters),
      timer_(context.loop, this, [](void* self) {
        auto* tunnel = static_cast<Tunnel*>(self);
        tunnel->guarded([tunnel] { tunnel->onTimer(); });
      }) {
  client_.stream = std::move(client);
  client_.stream->setObserver(&client_);
  inbound_.setSource(client_.stream.get());
  outbound_.setSink(client_.stream.get());
  inbound_.alsoCountIn(host_->bytesTo(Direction::kInbound));
  outbound_.alsoCountIn(host_->bytesTo(Direction::kOutbound));
  times_.accepted = accepted;
  context_.counters.add(Counter::kTunnelsOpened);
  context_.counters.add(Counter::kTunnelsActive);
  context_.counters.addState(static_cast<size_t>(state_));
  context_.pool.memory().add(MemoryUse::kTunnels, kTunnelMemory);
}

Tunnel::~Tunnel() {
  context_.counters.sub(Counter::kTunnelsActive);
  context_.counters.subState(static_cast<size_t>(state_));
  context_.pool.memory().sub(MemoryUse::kTunnels, kTunnelMemory);
}

void Tunnel::enter(TunnelState state) {
  context_.counters.subState(static_cast<size_t>(state_));
  context_.counters.addState(static_cast<size_t>(state));
  state_ = state;
}

void Tunnel::onReady(End& end, bool readable) {
  const TimePoint now = context_.loop.now();
  switch (state_) {
    case TunnelState::kHandshake:
      if (!context_.handshakes.drive(end)) updateInterest();
      return;
    case TunnelState::kBackendHandshake:
      if (&end == &backend_) {
        if (!context_.handshakes.drive(end)) updateInterest();
        return;
      }
      [[fallthrough]];
    case TunnelState::kConnect:
      // Reading a TLS stream also flushes the stream's backlog. If the outbound pump waits for that
      // flush, run the pump, too.
      if (readable) inbound_.pull(now);
      if (!readable || outbound_.stalledSince() != kNever) outbound_.push(now);
      break;
    case TunnelState::kDialog:
      if (end.stream->phase() != OpeningPhase::kHandshake) {
        runDialog();
      } else if (!context_.handshakes.drive(end)) {
        updateInterest();
        return;
      }
      break;
    case TunnelState::kRelay:
      if (readable) pumpFrom(end).run(now);
      if (!readable || pumpTo(end).paused() || pumpTo(end).stalledSince() != kNever)
        pumpTo(end).push(now);
      if (times_.firstBackendByte == TimePoint{} && outbound_.delivered() != 0) {
        times_.firstBackendByte = Clock::now();
        host_->onFirstBackendByte(*this);
      }
      break;
    case TunnelState::kClosing:
      driveClosing(end, readable);
      break;
    case TunnelState::kClosed:
      return;
  }
  settle();
}

void Tunnel::noteFirstEnd(CloseCause cause) {
  if (!reasonSet_) record({cause});
}

void Tunnel::settle() {
  if (state_ == TunnelState::kConnect || state_ == TunnelState::kBackendHandshake || carries())
    settleRelay();
  if (state_ == TunnelState::kClosing) settleClosing();
  if (state_ == TunnelState::kClosed) return;
  updateInterest();
  timer_.armBy(std::min(nextPoll_, nextLimit()));
}

void Tunnel::settleRelay() {
  // A stream's own records (tickets, KeyUpdate) can wait in the backlog, too. push() makes the pump
  // notice when this wait began.
  for (End* end : {&client_, &backend_}) {
    if (end->stream && end->stream->backlog() != 0 && pumpTo(*end).stalledSince() == kNever)
      pumpTo(*end).push(context_.loop.now());
  }
  // Both are asked here, because neither is true for most events.
  const auto ended = [](const Pump& pump) { return pump.sourceEnd() != SourceEnd::kOpen; };
  const auto broken = [](const Pump& pump) { return pump.sinkBroken() && !pump.over(); };
  if (ended(inbound_) && settleSource(inbound_, client_, backend_)) return;
  if (ended(outbound_) && settleSource(outbound_, backend_, client_)) return;
  if (broken(inbound_) && settleSink(client_, backend_)) return;
  if (broken(outbound_) && settleSink(backend_, client_)) return;
  if (inbound_.over() && outbound_.over()) {
    enter(TunnelState::kClosing);
    client_.goal = backend_.goal = EndGoal::kDone;
  }
}

/// What is left to do for `end` when its other end has failed.
EndGoal Tunnel::deliveryTo(const End& end) const {
  const bool opened = &end == &client_ || carries();
  return end.stream && opened ? EndGoal::kDeliver : EndGoal::kDone;
}

bool Tunnel::truncationIsFin(const End& end) const {
  return &end == &client_ ? options_->truncationAsFin : options_->backendTruncationAsFin;
}

/// Handles the end of `source`. After a clean end the relay continues; any other end begins the
/// closing. Returns true if the closing has begun.
bool Tunnel::settleSource(Pump& pump, End& source, End& sink) {
  if (pump.sourceEnd() == SourceEnd::kClean) {
    noteFirstEnd(source.words.fin);
    return false;
  }
  // Buffered bytes can be delivered only after the opening. So the closing begins now only if no
  // bytes are buffered, and a backend that is there already gets nothing.
  if (!carries() && pump.buffered() != 0) return false;
  const EndGoal sinkGoal = deliveryTo(sink);
  switch (pump.sourceEnd()) {
    case SourceEnd::kTruncated:
      context_.counters.add(Counter::kTruncatedEnds);
      if (truncationIsFin(source)) {
        noteFirstEnd(source.words.truncated);
        pump.treatAsClean();
        pump.push(context_.loop.now());
        return false;
      }
      beginClosing({source.words.truncated}, source, EndGoal::kFollow, sinkGoal);
      return true;
    case SourceEnd::kReset:
      beginClosing({source.words.reset}, source, EndGoal::kDone, sinkGoal);
      return true;
    default:
      beginClosing(source.failure(), source, EndGoal::kLinger, sinkGoal);
      return true;
  }
}

/// Handles a sink that accepts no more bytes. While the sink's peer may still have sent bytes,
/// culvert keeps reading from that peer, and the read also reports how the connection ended.
/// Otherwise the closing begins. Returns true if the closing has begun.
bool Tunnel::settleSink(End& source, End& sink) {
  // culvert aborts the source even if the source ended cleanly, because its bytes are lost and a
  // clean close would hide the loss.
  const EndGoal sourceGoal = deliveryTo(source);
  // If a write failed because of the stream and not because of the peer, begin the closing now,
  // because reading may never report an error.
  if (auto failure = sink.stream->failure()) {
    beginClosing(std::move(*failure), sink, EndGoal::kLinger, sourceGoal);
    return true;
  }
  // Wait while a read can report the end of the sink's connection. If the sinks of both directions
  // are broken, culvert reads neither side, so it begins the closing.
  if (pumpFrom(sink).sourceEnd() != SourceEnd::kClean && !pumpFrom(sink).sinkBroken()) return false;
  beginClosing({sink.words.reset}, sink, EndGoal::kDone, sourceGoal);
  return true;
}

void TunnelEnd::onReadable() {
  tunnel.guarded([this] { tunnel.onReady(*this, true); });
}

void TunnelEnd::onWritable() {
  tunnel.guarded([this] { tunnel.onReady(*this, false); });
}

CloseReason TunnelEnd::failure() const {
  auto failed = stream->failure();
  return failed ? std::move(*failed) : CloseReason{CloseCause::kInternal, "", "no memory"};
}

EndView TunnelEnd::view(const Pump& from, const Pump& to) const {
  EndView v;
  if (!stream) return v;
  // The limit kMostBacklog stops reading from a client that requests answers (KeyUpdate) but does
  // not read them. A client that is merely slow to read does not reach the limit.
  const size_t backlog = stream->backlog();
  v.wantsRead = from.wantsRead() && backlog < ByteStream::kMostBacklog;
  v.wantsWrite = to.wantsWrite();
  // A broken sink cannot send its backlog. A lingering end still tries, because it sends an alert
  // after a failed write.
  v.backlog = backlog != 0 && (!to.sinkBroken() || goal == EndGoal::kLinger);
  v.readable = !inputOver;
  v.queued = queued();
  v.goal = goal;
  return v;
}

Interest Tunnel::interest() const {
  EndView client = client_.view(inbound_, outbound_);
  EndView backend = backend_.view(outbound_, inbound_);
  if (state_ == TunnelState::kDialog) {
    client.handshake = client_.stream->phase() == OpeningPhase::kHandshake;
    backend.handshake = backend_.stream->phase() == OpeningPhase::kHandshake;
  }
  return interestOf(state_, client, backend);
}

void Tunnel::updateInterest() {
  const Interest wanted = interest();
  if (client_.stream) client_.stream->watch(wanted.client.read, wanted.client.write);
  if (backend_.stream) backend_.stream->watch(wanted.backend.read, wanted.backend.write);
  if (state_ != TunnelState::kRelay) return;
  const bool unread = !wanted.client.read || !wanted.backend.read;
  if (!unread) {
    nextPoll_ = kNever;
  } else if (nextPoll_ == kNever) {
    nextPoll_ = context_.loop.now() + kUnreadPoll;
  }
}

/// Checks the connections that culvert does not read. If a connection was reset, marks its sink as
/// broken.
void Tunnel::watchUnread(TimePoint now) {
  if (now < nextPoll_) return;
  nextPoll_ = now + kUnreadPoll;
  for (End* end : {&client_, &backend_}) {
    if (pumpFrom(*end).wantsRead() || !end->stream->hungUp()) continue;
    pumpTo(*end).markSinkBroken(now);
  }
}

/// The time when the next timeout of the tunnel has to be checked.
TimePoint Tunnel::nextLimit() const {
  switch (state_) {
    case TunnelState::kHandshake:
    case TunnelState::kBackendHandshake:
      return handshakeDeadline();
    case TunnelState::kClosing:
      return std::min(client_.deadline, backend_.deadline);
    case TunnelState::kClosed:
      return kNever;
    case TunnelState::kDialog:
      if (awaitedHandshake() != nullptr) return handshakeDeadline();
      break;
    case TunnelState::kConnect:
    case TunnelState::kRelay:
      break;
  }
  const TimePoint active = std::max(inbound_.lastActivity(), outbound_.lastActivity());
  TimePoint next = deadlineAfter(active, options_->idleTimeout);
  if (halfEnded()) next = std::min(next, deadlineAfter(active, options_->halfCloseTimeout));
  for (const Pump* pump : {&inbound_, &outbound_}) {
    if (pump->stalledSince() == kNever) continue;
    next = std::min(next, deadlineAfter(pump->stalledSince(), options_->stallTimeout));
  }
  return next;
}

/// True if exactly one of the two directions is over (nothing is left to carry) or has a broken
/// sink.
bool Tunnel::halfEnded() const {
  return (inbound_.over() || inbound_.sinkBroken()) != (outbound_.over() || outbound_.sinkBroken());
}

/// Handles pending input before a timeout is checked. After a standstill (the process was stopped,
/// or the machine suspended), timers may run before the loop has reported the input that arrived
/// meanwhile.
void Tunnel::catchUp() {
  onReady(client_, interest().client.read);
  if (state_ != TunnelState::kClosed && backend_.stream) onReady(backend_, interest().backend.read);
}

/// If the process stood still, postpones the absolute deadlines once, by the length of the
/// standstill.
void Tunnel::allowForStandstill(TimePoint now) {
  if (stoodStill_) return;
  if (awaitedHandshake() != nullptr) {
    const auto late = standstill(handshakeDeadline(), now, options_->handshakeTimeout);
    stoodStill_ = late.count() != 0;
    const Clock::duration limit = options_->handshakeTimeout;
    if (stoodStill_) nextPoll_ = now + std::min(late + kAnswerTime, limit);
    return;
  }
  for (End* end : {&client_, &backend_}) {
    const auto late = standstill(end->deadline, now, closingDeadline(end->goal, now) - now);
    if (late.count() == 0) continue;
    end->deadline = now + late;
    stoodStill_ = true;
  }
}

/// If a timeout has passed, closes the tunnel and returns true.
bool Tunnel::checkTimeouts(TimePoint now) {
  const auto passed = [now](TimePoint since, Millis limit) {
    return now >= deadlineAfter(since, limit);
  };
  if (const End* end = awaitedHandshake()) return endLateHandshake(*end, end->queued());
  for (const End* end : {&backend_, &client_}) {
    const TimePoint since = pumpTo(*end).stalledSince();
    if (since == kNever || !passed(since, options_->stallTimeout)) continue;
    context_.counters.add(end->words.stalls);
    close({end->words.stalled});
    return true;
  }
  const TimePoint active = std::max(inbound_.lastActivity(), outbound_.lastActivity());
  if (halfEnded() && passed(active, options_->halfCloseTimeout)) {
    // If the end of a direction has been recorded, that end stays the cause. Otherwise the cause is
    // the lost connection of the broken sink.
    const bool clientEnded = inbound_.over() || inbound_.sinkBroken();
    record({(outbound_.sinkBroken() ? client_ : backend_).words.reset});
    noteCut((clientEnded ? backend_ : client_).words.open);
    close({});
    return true;
  }
  if (passed(active, options_->idleTimeout)) {
    context_.counters.add(Counter::kIdleCloses);
    close({CloseCause::kIdle});
    return true;
  }
  return false;
}

void Tunnel::onTimer() {
  const TimePoint now = context_.loop.now();
  if (state_ == TunnelState::kClosed) return;
  if (now >= nextLimit() && awaitedHandshake() == nullptr) {
    if (state_ == TunnelState::kClosing) allowForStandstill(now);
    catchUp();
    if (state_ == TunnelState::kClosed) return;
  }
  if (state_ != TunnelState::kClosing) {
    if (checkTimeouts(now)) return;
    if (state_ == TunnelState::kRelay) watchUnread(now);
  }
  settle();
}

}  // namespace culvert
