// SPDX-License-Identifier: GPL-3.0-or-later
// See pump.h.
#include "tunnel/pump.h"

#include <algorithm>

namespace culvert {
namespace {

// If the FIFO is empty and the sink holds nearly as much as may wait, a small block is enough.
constexpr size_t kFew = 32 * 1024;

SourceEnd endOf(IoStatus status) {
  switch (status) {
    case IoStatus::kOk:
    case IoStatus::kBlocked:
      return SourceEnd::kOpen;
    case IoStatus::kEof:
      return SourceEnd::kClean;
    case IoStatus::kTruncated:
      return SourceEnd::kTruncated;
    case IoStatus::kReset:
      return SourceEnd::kReset;
    case IoStatus::kFailed:
      break;
  }
  return SourceEnd::kFailed;
}

}  // namespace

void Pump::pull(TimePoint now) {
  if (!wantsRead()) return;
  // Bytes that the sink accepted but has not sent also count, because a slow client's encrypted
  // records wait in the sink.
  const size_t used = waiting();
  const size_t most = this->most();
  if (used + ByteStream::kReadUnit > most) return updatePause(used);
  size_t limit = most - used;
  if (used != 0) {
    if (limit <= kFew && fifo_.empty()) fifo_.expectFew();
  } else if (sink_ != nullptr) {
    limit = std::min(limit, sink_->writeUnit());
  }
  const IoResult r = source_->read(fifo_, limit);
  sourceEnd_ = endOf(r.status);
  if (r.bytes != 0 || sourceEnd_ != SourceEnd::kOpen) lastActivity_ = now;
}

void Pump::push(TimePoint now) {
  if (sink_ == nullptr || sinkBroken_) return;
  const bool wasDone = done_;
  // While no bytes waited, the sink sent only its own records (handshake, KeyUpdate). These records
  // do not count as progress of this pump.
  const uint64_t before = stalledSince_ == kNever ? sink_->transmitted() : transmitted_;
  if (!fifo_.empty()) {
    const IoResult r = sink_->write(fifo_);
    delivered_ += r.bytes;
    bytes_.add(r.bytes);
    if (serviceBytes_ != nullptr) serviceBytes_->add(r.bytes);
    sinkBroken_ = r.status == IoStatus::kReset || r.status == IoStatus::kFailed;
  } else if (sink_->backlog() != 0 || ending_) {
    const IoStatus status = sink_->flush();
    sinkBroken_ = status == IoStatus::kReset || status == IoStatus::kFailed;
    if (ending_ && status == IoStatus::kOk) {
      ending_ = false;
      done_ = true;
    }
  }
  // Ask the sink for the total number of bytes that it has sent, because the sink also sends during
  // reads.
  transmitted_ = sink_->transmitted();
  const bool progress = transmitted_ != before;
  if (sourceEnd_ == SourceEnd::kClean && fifo_.empty() && !ending_ && !done_ && !sinkBroken_)
    endSink();
  if (progress || done_ != wasDone || sinkBroken_) lastActivity_ = now;
  const size_t used = waiting();
  updatePause(used);
  noteWaiting(now, progress, used);
}

void Pump::endSink() {
  switch (sink_->shutdownWrite()) {
    case IoStatus::kOk:
      done_ = true;
      break;
    case IoStatus::kReset:
    case IoStatus::kFailed:
      sinkBroken_ = true;
      break;
    default:
      ending_ = true;
  }
}

void Pump::updatePause(size_t used) {
  if (used == 0 && !paused_) return;
  const size_t most = this->most();
  const size_t room = most - std::min(used, most);
  if (!paused_ && room < ByteStream::kReadUnit) {
    paused_ = true;
    counters_.add(pick(Counter::kReadsPausedInbound, Counter::kReadsPausedOutbound));
    if (used + ByteStream::kReadUnit <= fifo_.capacity())
      counters_.add(Counter::kMemoryReadsPaused);
  } else if (paused_ && room >= std::max(most / 2, ByteStream::kReadUnit)) {
    // The low mark is half the capacity, so that reading does not stop and resume with every
    // record.
    paused_ = false;
    counters_.add(pick(Counter::kReadsResumedInbound, Counter::kReadsResumedOutbound));
  }
}

void Pump::noteWaiting(TimePoint now, bool progress, size_t used) {
  if (used == 0) {
    if (blockedSince_ != kNever) blockedTotal_ += now - blockedSince_;
    blockedSince_ = stalledSince_ = kNever;
    return;
  }
  if (blockedSince_ == kNever) blockedSince_ = now;
  if (stalledSince_ == kNever || progress) stalledSince_ = now;
}

void Pump::discard(size_t more) {
  const size_t bytes = fifo_.size() + more;
  fifo_.clear();
  lost_ += bytes;
  counters_.add(pick(Counter::kBytesLostInbound, Counter::kBytesLostOutbound), bytes);
}

}  // namespace culvert
