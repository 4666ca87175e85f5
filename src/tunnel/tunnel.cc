// SPDX-License-Identifier: GPL-3.0-or-later
// The way of a tunnel up to the relay, what the ends of either side mean, and its one timer. See
// tunnel.h; the closing state is in tunnel_closing.cc.
#include "tunnel/tunnel.h"

#include <algorithm>

#include "base/check.h"
#include "tunnel/tunnel_set.h"

namespace culvert {
namespace {

// A socket that nobody reads (its FIFO is full, or its direction has ended) tells nothing of a
// reset: ask now and then.
constexpr Millis kUnreadPoll{500};
// What a client has at least to answer what it is sent after a standstill.
constexpr Millis kAnswerTime{1000};

}  // namespace

Tunnel::Tunnel(const TunnelContext& context, std::shared_ptr<const TunnelOptions> options,
               std::unique_ptr<TunnelHost> host, uint64_t id, std::unique_ptr<ByteStream> client,
               TimePoint accepted)
    : context_(context),
      host_(std::move(host)),
      options_(std::move(options)),
      id_(id),
      client_(*this, true),
      backend_(*this, false),
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
  times_.accepted = accepted;
  context_.counters.add(Counter::kTunnelsOpened);
  context_.counters.add(Counter::kTunnelsActive);
}

Tunnel::~Tunnel() { context_.counters.sub(Counter::kTunnelsActive); }

void Tunnel::start() {
  inbound_.touch(context_.loop.now());
  handshakeStep();
}

void Tunnel::handshakeStep() {
  guarded([this] {
    if (state_ != TunnelState::kHandshake || endLateHandshake(true)) return;
    driveHandshake();
    settle();
  });
}

/// Every way into the tunnel: a shortage of memory costs this tunnel only.
template <class Step>
void Tunnel::guarded(Step step) {
  try {
    step();
  } catch (const std::bad_alloc&) {
    context_.loop.noteMemoryShortage();
    close({CloseCause::kInternal, "", "out of memory"});
  }
}

void Tunnel::onReady(End& end, bool readable) {
  const TimePoint now = context_.loop.now();
  switch (state_) {
    case TunnelState::kHandshake:
      if (!context_.handshakes.drive(*this)) updateInterest();
      return;
    case TunnelState::kConnect:
      readable ? inbound_.pull(now) : outbound_.push(now);
      break;
    case TunnelState::kRelay:
      if (readable) pumpFrom(end).run(now);
      // Reading a TLS stream flushes its backlog too: the direction that waited for that must
      // notice.
      if (!readable || pumpTo(end).paused() || pumpTo(end).stalledSince() != kNever)
        pumpTo(end).push(now);
      if (times_.firstBackendByte == TimePoint{} && !end.isClient && outbound_.delivered() != 0) {
        times_.firstBackendByte = Clock::now();
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

void Tunnel::driveHandshake() {
  switch (client_.stream->handshake()) {
    case IoStatus::kOk:
      times_.handshakeDone = Clock::now();
      return startConnect();
    case IoStatus::kBlocked:
      return;
    case IoStatus::kEof:
      return beginClosing({CloseCause::kProbe}, EndGoal::kDone, EndGoal::kDone);
    case IoStatus::kTruncated:
      return beginClosing(
          {CloseCause::kClientTruncated, "", "the client left within the handshake"},
          EndGoal::kDone, EndGoal::kDone);
    case IoStatus::kReset:
      return beginClosing({CloseCause::kClientReset, "", "the client left within the handshake"},
                          EndGoal::kDone, EndGoal::kDone);
    case IoStatus::kFailed:
      return beginClosing(failureOf(client_), EndGoal::kLinger, EndGoal::kDone);
  }
}

void Tunnel::startConnect() {
  const TimePoint now = context_.loop.now();
  state_ = TunnelState::kConnect;
  nextPoll_ = kNever;
  stoodStill_ = false;
  inbound_.touch(now);
  inbound_.pull(now);  // what came with the client's last flight is decrypted before the turn ends
  dialer_ = host_->dialerFor(*this);
  dialer_->dial(*this);
}

void Tunnel::onDialed(std::unique_ptr<ByteStream> backend, const SocketAddress& address) {
  guarded([&] { beginRelay(std::move(backend), address); });
}

void Tunnel::beginRelay(std::unique_ptr<ByteStream> backend, const SocketAddress& address) {
  const TimePoint now = context_.loop.now();
  if (dialer_) context_.loop.deleteLater(std::move(dialer_));
  if (state_ != TunnelState::kConnect) return;
  state_ = TunnelState::kRelay;
  times_.connected = Clock::now();
  backendAddress_ = address;
  backend_.stream = std::move(backend);
  backend_.stream->setObserver(&backend_);
  inbound_.setSink(backend_.stream.get());
  outbound_.setSource(backend_.stream.get());
  inbound_.touch(now);
  context_.counters.add(Counter::kBackendConnectsOk);
  // A PROXY header leaves even where the client has not said anything yet.
  if (backend_.stream->flush() == IoStatus::kReset) inbound_.markSinkBroken();
  inbound_.push(now);
  settle();
}

void Tunnel::onDialFailed(CloseReason reason) {
  if (dialer_) context_.loop.deleteLater(std::move(dialer_));
  if (state_ != TunnelState::kConnect) return;
  if (reason.cause == CloseCause::kBackendTimeout)
    context_.counters.add(Counter::kBackendConnectsTimedOut);
  reasonSet_ = false;  // that the client had ended its direction meanwhile is not why this tunnel
                       // came to nothing
  guarded([&] {
    beginClosing(std::move(reason), EndGoal::kDeliver, EndGoal::kDone);
    settle();
  });
}

void Tunnel::noteFirstEnd(CloseCause cause) {
  if (!reasonSet_) record({cause});
}

void Tunnel::settle() {
  if (state_ == TunnelState::kConnect || state_ == TunnelState::kRelay) settleRelay();
  if (state_ == TunnelState::kClosing) settleClosing();
  if (state_ == TunnelState::kClosed) return;
  updateInterest();
  timer_.armBy(nextDeadline());
}

void Tunnel::settleRelay() {
  // What the stream itself had to say (tickets, answers) waits for the peer like any other bytes.
  if (client_.stream->backlog() != 0 && outbound_.stalledSince() == kNever)
    outbound_.push(context_.loop.now());
  if (settleSource(inbound_, client_, backend_) || settleSource(outbound_, backend_, client_))
    return;
  if (settleSink(inbound_, client_, backend_) || settleSink(outbound_, backend_, client_)) return;
  if (inbound_.over() && outbound_.over()) {
    state_ = TunnelState::kClosing;
    client_.goal = backend_.goal = EndGoal::kDone;
  }
}

/// Why the stream of this end failed.
CloseReason Tunnel::failureOf(const End& end) {
  auto failure = end.stream->failure();
  return failure ? std::move(*failure) : CloseReason{CloseCause::kInternal, "", "no memory"};
}

/// The source has ended: a clean end travels on by itself, any other begins the closing. True when
/// it did.
bool Tunnel::settleSource(Pump& pump, End& source, End& sink) {
  const bool client = source.isClient;
  switch (pump.sourceEnd()) {
    case SourceEnd::kOpen:
      return false;
    case SourceEnd::kClean:
      noteFirstEnd(client ? CloseCause::kClientFin : CloseCause::kBackendFin);
      return false;
    default:
      break;
  }
  // Until the backend stands there is nobody to deliver to or to abort; with nothing to deliver
  // there is no need.
  if (state_ == TunnelState::kConnect && pump.buffered() != 0) return false;
  const EndGoal sinkGoal = sink.stream ? EndGoal::kDeliver : EndGoal::kDone;
  switch (pump.sourceEnd()) {
    case SourceEnd::kTruncated:
      context_.counters.add(Counter::kTruncatedEnds);
      if (options_->truncationAsFin) {
        noteFirstEnd(CloseCause::kClientTruncated);
        pump.treatAsClean();
        pump.push(context_.loop.now());
        return false;
      }
      beginClosing({CloseCause::kClientTruncated}, EndGoal::kFollow, sinkGoal);
      return true;
    case SourceEnd::kReset: {
      const CloseCause cause = client ? CloseCause::kClientReset : CloseCause::kBackendReset;
      beginClosing({cause}, client ? EndGoal::kDone : sinkGoal, client ? sinkGoal : EndGoal::kDone);
      return true;
    }
    default:
      beginClosing(failureOf(source), client ? EndGoal::kLinger : sinkGoal,
                   client ? sinkGoal : EndGoal::kLinger);
      return true;
  }
}

/// The sink takes nothing any more. While its own direction is open, that one will tell how it
/// ended (what it sent before is still read); where it ended already, nothing more can be carried.
/// True when the closing has begun.
bool Tunnel::settleSink(Pump& pump, End& source, End& sink) {
  if (!pump.sinkBroken() || pump.over()) return false;
  // An abort also where the source has had its clean end already: what it sends is lost, and it
  // must not believe otherwise.
  const EndGoal sourceGoal = source.stream ? EndGoal::kDeliver : EndGoal::kDone;
  // A stream that failed while it was written to (not its peer) says nothing more when it is read,
  // perhaps for ever.
  if (auto failure = sink.stream->failure()) {
    beginClosing(std::move(*failure), sink.isClient ? EndGoal::kLinger : sourceGoal,
                 sink.isClient ? sourceGoal : EndGoal::kLinger);
    return true;
  }
  // Where the other direction is broken too, neither side is read any more: nobody is going to
  // tell.
  if (pumpFrom(sink).sourceEnd() != SourceEnd::kClean && !pumpFrom(sink).sinkBroken()) return false;
  const CloseCause cause = sink.isClient ? CloseCause::kClientReset : CloseCause::kBackendReset;
  beginClosing({cause}, sink.isClient ? EndGoal::kDone : sourceGoal,
               sink.isClient ? sourceGoal : EndGoal::kDone);
  return true;
}

void TunnelEnd::onReadable() {
  tunnel.guarded([this] { tunnel.onReady(*this, true); });
}

void TunnelEnd::onWritable() {
  tunnel.guarded([this] { tunnel.onReady(*this, false); });
}

EndView TunnelEnd::view(const Pump& from, const Pump& to) const {
  EndView v;
  if (!stream) return v;
  // A client that makes us answer (KeyUpdate) and does not read the answers is not read either. An
  // ordinary slow reader is still heard.
  v.wantsRead = from.wantsRead() && stream->backlog() < ByteStream::kMostBacklog;
  v.wantsWrite = to.wantsWrite();
  v.backlog = stream->backlog() != 0;
  v.readable = !inputOver;
  v.queued = isClient && tunnel.ListNode<HandshakeQueue>::linked();
  v.goal = goal;
  return v;
}

void Tunnel::updateInterest() {
  const Interest wanted =
      interestOf(state_, client_.view(inbound_, outbound_), backend_.view(outbound_, inbound_));
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

/// A peer that nobody reads and that has been reset takes no more bytes.
void Tunnel::watchUnread(TimePoint now) {
  if (now < nextPoll_) return;
  nextPoll_ = now + kUnreadPoll;
  for (End* end : {&client_, &backend_}) {
    if (pumpFrom(*end).wantsRead() || !end->stream->hungUp()) continue;
    pumpTo(*end).markSinkBroken();
  }
}

TimePoint Tunnel::nextDeadline() const { return std::min(nextPoll_, nextLimit()); }

/// When the first limit is to be judged.
TimePoint Tunnel::nextLimit() const {
  switch (state_) {
    case TunnelState::kHandshake:
      return handshakeDeadline();
    case TunnelState::kClosing:
      return std::min(client_.deadline, backend_.deadline);
    case TunnelState::kClosed:
      return kNever;
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

/// One direction has nothing to carry any more, or nobody to carry it to.
bool Tunnel::halfEnded() const {
  return (inbound_.over() || inbound_.sinkBroken()) != (outbound_.over() || outbound_.sinkBroken());
}

/// From the accept; once more so long as the process stood still when it was due.
TimePoint Tunnel::handshakeDeadline() const {
  return stoodStill_ ? nextPoll_ : deadlineAfter(times_.accepted, options_->handshakeTimeout);
}

/// What waits is looked at before a limit is judged. The timers of a process that stood still (it
/// was stopped, its machine was) are due before the loop has told of what came meanwhile.
void Tunnel::catchUp() {
  onReady(client_, true);
  if (state_ != TunnelState::kClosed && backend_.stream) onReady(backend_, true);
}

/// Moves a limit that is absolute by the time that the process stood still, once.
void Tunnel::allowForStandstill(TimePoint now) {
  if (stoodStill_) return;
  if (state_ == TunnelState::kHandshake) {
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

/// Ends a handshake that takes too long. `due`: its next step is culvert's, and waits. True when it
/// did.
bool Tunnel::endLateHandshake(bool due) {
  const TimePoint now = context_.loop.now();
  if (now < handshakeDeadline()) return false;
  allowForStandstill(now);
  if (now < handshakeDeadline()) return false;
  close({CloseCause::kHandshakeTimeout, "",
         due ? "culvert has more handshakes to do than it can in this time"
             : client_.stream->handshakeProgress()});
  return true;
}

/// Closes the tunnel where a limit has passed. True when it did.
bool Tunnel::checkTimeouts(TimePoint now) {
  const auto passed = [now](TimePoint since, Millis limit) {
    return now >= deadlineAfter(since, limit);
  };
  if (state_ == TunnelState::kHandshake)
    return endLateHandshake(ListNode<HandshakeQueue>::linked());
  for (const Pump* pump : {&inbound_, &outbound_}) {
    if (pump->stalledSince() == kNever || !passed(pump->stalledSince(), options_->stallTimeout))
      continue;
    const bool toBackend = pump == &inbound_;
    context_.counters.add(toBackend ? Counter::kStallsBackend : Counter::kStallsClient);
    close({toBackend ? CloseCause::kBackendStalled : CloseCause::kClientStalled});
    return true;
  }
  const TimePoint active = std::max(inbound_.lastActivity(), outbound_.lastActivity());
  if (halfEnded() && passed(active, options_->halfCloseTimeout)) {
    // Where an end has been recorded it stays the cause; otherwise one side was seen to be gone and
    // the other is stuck.
    const bool clientEnded = inbound_.over() || inbound_.sinkBroken();
    record({outbound_.sinkBroken() ? CloseCause::kClientReset : CloseCause::kBackendReset});
    noteCut(clientEnded ? "the backend had not ended its direction"
                        : "the client had not ended its direction");
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
  if (now >= nextLimit() && state_ != TunnelState::kHandshake) {
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
