// SPDX-License-Identifier: GPL-3.0-or-later
// The end of a tunnel. culvert delivers the bytes that it accepted before it passes an abort on,
// and gives a fatal alert time to reach the peer. It discards and counts bytes that it cannot
// deliver in time. See tunnel.h.
#include <algorithm>

#include "tunnel/tunnel_set.h"

namespace culvert {
namespace {

// How long delivery may take if half-close-timeout is off.
constexpr Millis kDeliverLimit{60000};
// A lingering close waits at most this long for the peer's FIN and discards the peer's input
// meanwhile.
constexpr Millis kLingerLimit{2000};
// How often culvert asks the kernel whether the peer has acknowledged everything. The interval
// doubles from kFirstPoll to kLastPoll. The first poll comes soon, because a peer in the same LAN
// acknowledges fast.
constexpr Millis kFirstPoll{2};
constexpr Millis kLastPoll{200};
constexpr size_t kDiscardAtOnce = 256 * 1024;

}  // namespace

void Tunnel::record(CloseReason reason, SourcePlace where) {
  if (reasonSet_) return;
  reasonSet_ = true;
  reason_ = std::move(reason);
  closedAt_ = where;
}

void Tunnel::close(CloseReason reason, SourcePlace where) {
  if (state_ == TunnelState::kClosed) return;
  record(std::move(reason), where);
  enter(TunnelState::kClosing);
  for (End* end : {&client_, &backend_}) {
    if (end->goal != EndGoal::kDone) finishEnd(*end, true);
  }
  conclude();
}

/// Begins the closing. `goal` says what is left to do for `end`, and `peerGoal` says what is left
/// to do for the tunnel's other end.
void Tunnel::beginClosing(CloseReason reason, End& end, EndGoal goal, EndGoal peerGoal,
                          SourcePlace where) {
  const bool opened = carries();
  record(std::move(reason), where);
  enter(TunnelState::kClosing);
  stoodStill_ = false;
  end.goal = goal;
  peerOf(end).goal = peerGoal;
  const TimePoint now = context_.loop.now();
  pollInterval_ = kFirstPoll;
  nextPoll_ = now + pollInterval_;
  if (dialer_) context_.loop.deleteLater(std::move(dialer_));
  if (goal == EndGoal::kLinger) context_.counters.add(Counter::kLingeringCloses);
  for (End* one : {&client_, &backend_}) {
    one->deadline = closingDeadline(one->goal, now);
    if (one->goal == EndGoal::kDeliver && one->stream) context_.counters.add(one->words.aborts);
    const SourceEnd ended = pumpFrom(*one).sourceEnd();
    one->inputOver = ended != SourceEnd::kOpen && ended != SourceEnd::kFailed;
    // A backend whose handshake is not done gets nothing, so it must not see a clean end.
    if (one->goal == EndGoal::kDone) finishEnd(*one, one != &end && !opened);
  }
}

TimePoint Tunnel::closingDeadline(EndGoal goal, TimePoint now) const {
  switch (goal) {
    case EndGoal::kDeliver:
      return now +
             (options_->halfCloseTimeout.count() == 0 ? kDeliverLimit : options_->halfCloseTimeout);
    case EndGoal::kLinger:
      return now + kLingerLimit;
    default:
      return kNever;
  }
}

void Tunnel::driveClosing(End& end, bool readable) {
  const TimePoint now = context_.loop.now();
  if (!end.stream || end.goal == EndGoal::kDone) return;
  if (!readable) {
    if (end.goal != EndGoal::kLinger) pumpTo(end).push(now);
    return;  // a lingering end is flushed by settleLinger()
  }
  // While the other end accepts bytes, culvert carries this end's input. Otherwise culvert discards
  // the input. Once culvert has discarded some input, it discards all later input, so that the
  // other end's peer never gets bytes after a gap.
  const End& other = peerOf(end);
  const bool carries = end.goal == EndGoal::kDeliver && other.goal == EndGoal::kFollow &&
                       end.discarded == 0 && end.stream->backlog() < ByteStream::kMostBacklog;
  if (carries && pumpFrom(end).wantsRead()) {
    pumpFrom(end).run(now);
    if (pumpFrom(end).sourceEnd() != SourceEnd::kOpen) end.inputOver = true;
    if (pumpFrom(end).sourceEnd() == SourceEnd::kReset) pumpTo(end).markSinkBroken(now);
    return;
  }
  const IoResult r = end.stream->discardInput(kDiscardAtOnce);
  end.discarded += r.bytes;
  if (r.status == IoStatus::kEof || r.status == IoStatus::kReset) end.inputOver = true;
  if (r.status == IoStatus::kReset) pumpTo(end).markSinkBroken(now);
}

void Tunnel::settleClosing() {
  const TimePoint now = context_.loop.now();
  settleEnds();
  for (End* end : {&client_, &backend_}) {
    if (now < end->deadline) continue;
    if (end->goal == EndGoal::kDeliver) noteCut(end->words.undelivered);
    finishEnd(*end, end->goal != EndGoal::kLinger);
    settleEnds();
  }
  if (client_.goal == EndGoal::kDone && backend_.goal == EndGoal::kDone) return conclude();
  if (now >= nextPoll_) {
    pollInterval_ = std::min(pollInterval_ * 2, kLastPoll);
    nextPoll_ = now + pollInterval_;
  }
}

void Tunnel::settleEnds() {
  settleEnd(client_, outbound_, backend_);
  settleEnd(backend_, inbound_, client_);
  settleEnd(client_, outbound_, backend_);  // settle the client again, because the backend may be
                                            // done now
}

/// Counts a cut by half-close-timeout and appends `what` to the reason's detail. Does not change
/// the reason's cause, which is the event that began the closing.
void Tunnel::noteCut(const char* what) {
  context_.counters.add(Counter::kHalfCloseCuts);
  std::string& detail = reason_.detail;
  if (!detail.empty()) detail += "; ";
  detail +=
      options_->halfCloseTimeout.count() == 0 ? "60 s passed: " : "half-close-timeout passed: ";
  detail += what;
}

void Tunnel::settleEnd(End& end, Pump& toEnd, const End& other) {
  switch (end.goal) {
    case EndGoal::kOpen:
    case EndGoal::kDone:
      return;
    case EndGoal::kFollow:
      if (other.goal == EndGoal::kDone) finishEnd(end, true);
      return;
    case EndGoal::kLinger:
      return settleLinger(end);
    case EndGoal::kDeliver:
      toEnd.push(context_.loop.now());
      // Check hungUp(), because a socket that has been reset keeps its last SIOCOUTQ value
      // (unacknowledged()) forever.
      if (toEnd.sinkBroken() || end.stream->hungUp() ||
          (toEnd.buffered() == 0 && end.stream->unacknowledged() == 0))
        finishEnd(end, true);
      return;
  }
}

void Tunnel::settleLinger(End& end) {
  if (!end.finSent) {
    const IoStatus status = end.stream->shutdownWrite();
    if (status == IoStatus::kBlocked) return;
    end.finSent = true;
    if (status != IoStatus::kOk) return finishEnd(end, false);
  }
  if (end.inputOver) finishEnd(end, false);
}

/// Finishes an end and counts its undelivered bytes as lost. The socket closes after the turn, even
/// if bytes for the other end still wait. If the report needs names from the stream, the socket
/// stays open until the tunnel is reported.
void Tunnel::finishEnd(End& end, bool abort) {
  end.goal = EndGoal::kDone;
  end.deadline = kNever;
  if (!end.stream) return;
  // `pending` counts encrypted bytes, so the loss is an estimate. The estimate is at most the
  // delivered payload, so that tickets and alerts alone do not count as lost.
  const uint64_t pending = abort ? end.stream->unacknowledged() : end.stream->backlog();
  pumpTo(end).discard(std::min(pending, pumpTo(end).delivered()));
  if (abort) end.stream->abort();
  end.stream->watch(false, false);
  pumpTo(end).setSink(nullptr);
  pumpFrom(end).setSource(nullptr);
  if (!end.words.namedInReport) context_.loop.deleteLater(std::move(end.stream));
}

void Tunnel::conclude() {
  // Also handle an end that closed cleanly or broke, because finishEnd() was not called for it.
  // Bytes that still wait for a broken end count as lost.
  for (End* end : {&client_, &backend_}) {
    if (end->stream) end->stream->watch(false, false);
    pumpTo(*end).discard();
  }
  if (dialer_) context_.loop.deleteLater(std::move(dialer_));
  timer_.disarm();
  enter(TunnelState::kClosed);
  times_.ended = Clock::now();
  context_.counters.add(Counter::kTunnelsClosed);
  context_.counters.addCause(static_cast<size_t>(reason_.cause));
  host_->onTunnelEnded(*this);
  set_->remove(*this);
}

}  // namespace culvert
