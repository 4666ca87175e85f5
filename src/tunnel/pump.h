// SPDX-License-Identifier: GPL-3.0-or-later
// Pump carries one direction of a tunnel: source -> FIFO -> sink. It stops reading when the FIFO
// reaches the high mark and resumes at the low mark. While memory is short (memory-limit), both marks
// are lower: Pump reads one record, and then nothing before the sink has sent that. Pump records how the source ended and whether
// the sink still accepts bytes, and Tunnel decides what to do then. Thread: loop.
//
// Invariants:
//  1. Every byte read from the source is in the FIFO, was accepted by the sink, or is counted as
//     lost.
//  2. The FIFO's bytes plus the bytes that the sink has accepted but not sent never exceed the
//     FIFO's capacity plus one full FIFO's TLS overhead.
//  3. While reading is not paused, there is room for one more TLS record (ByteStream::kReadUnit).
//  4. A pump that is paused has bytes that wait. So it resumes when its sink sends, and nobody has to
//     wake it when memory is no longer short.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "buffer/ring_buffer.h"
#include "net/byte_stream.h"
#include "stats/counters.h"

namespace culvert {

enum class Direction : uint8_t { kInbound, kOutbound };

enum class SourceEnd : uint8_t { kOpen, kClean, kTruncated, kReset, kFailed };

class Pump {
 public:
  /// `fifoSize` must be at least 2 * ByteStream::kReadUnit - 2 KiB (32 KiB), so that the low mark
  /// is below the high mark.
  Pump(Direction direction, BufferPool& pool, size_t fifoSize, CounterBlock& counters)
      : counters_(counters),
        bytes_(counters.of(direction == Direction::kInbound ? Counter::kBytesInbound
                                                            : Counter::kBytesOutbound)),
        fifo_(pool, fifoSize),
        direction_(direction) {}

  /// The pump does not own its source and its sink. Set them in any order; nullptr removes the
  /// source or the sink.
  void setSource(ByteStream* source) { source_ = source; }
  void setSink(ByteStream* sink) {
    sink_ = sink;
    transmitted_ = sink != nullptr ? sink->transmitted() : 0;
  }

  /// Also counts the delivered bytes in `bytes`, which outlives the pump; nullptr: only in the
  /// counters.
  void alsoCountIn(Tally* bytes) { serviceBytes_ = bytes; }

  /// Reads as many of the source's bytes as the FIFO has room for, then writes as many bytes as the
  /// sink accepts.
  void run(TimePoint now) {
    pull(now);
    push(now);
  }
  void pull(TimePoint now);
  /// Writes as many bytes as the sink accepts. Shuts the sink down once the source has ended
  /// cleanly and the FIFO is empty.
  void push(TimePoint now);

  SourceEnd sourceEnd() const { return sourceEnd_; }
  /// Makes a truncated end count as a clean end (on-truncation = fin).
  void treatAsClean() { sourceEnd_ = SourceEnd::kClean; }
  /// True if the sink accepts no more bytes, because a write failed or the peer's connection is
  /// lost.
  bool sinkBroken() const { return sinkBroken_; }
  void markSinkBroken(TimePoint now) {
    if (!sinkBroken_) lastActivity_ = now;
    sinkBroken_ = true;
  }
  /// True if the source ended cleanly and the sink has been shut down after the last byte.
  bool done() const { return done_; }
  /// True if nothing is left to carry, because the pump is done, or because the sink broke after it
  /// had accepted every byte.
  bool over() const {
    return done_ || (sinkBroken_ && sourceEnd_ == SourceEnd::kClean && fifo_.empty());
  }

  bool wantsRead() const {
    return source_ != nullptr && sourceEnd_ == SourceEnd::kOpen && !paused_ && !sinkBroken_;
  }
  /// True if bytes or a shutdown wait until the sink is writable.
  bool wantsWrite() const {
    return sink_ != nullptr && !sinkBroken_ && (waiting() != 0 || ending_);
  }
  bool paused() const { return paused_; }

  /// The number of bytes in the FIFO, plus the bytes that the sink has accepted but not yet passed
  /// to the kernel.
  size_t waiting() const { return fifo_.size() + (sink_ != nullptr ? sink_->backlog() : 0); }
  size_t buffered() const { return fifo_.size(); }
  /// The most bytes that may wait: the FIFO's capacity, or one record while memory is short.
  size_t most() const { return fifo_.pool().tight() ? ByteStream::kReadUnit : fifo_.capacity(); }
  /// The size of the block in which the bytes of the FIFO wait; 0 if the FIFO is empty.
  size_t blockBytes() const { return fifo_.blockBytes(); }
  size_t capacity() const { return fifo_.capacity(); }

  /// Discards the bytes in the FIFO and counts them as lost. `more` is the number of further lost
  /// bytes, which had already left the FIFO.
  void discard(size_t more = 0);

  uint64_t delivered() const { return delivered_; }
  uint64_t lost() const { return lost_; }
  /// The last time when bytes were read or sent, or when the source or the sink ended.
  TimePoint lastActivity() const { return lastActivity_; }
  void touch(TimePoint now) { lastActivity_ = now; }
  /// The time since which bytes have waited without progress; kNever if no byte waits.
  TimePoint stalledSince() const { return stalledSince_; }
  /// The time since which bytes have waited without a pause; kNever if no byte waits.
  TimePoint blockedSince() const { return blockedSince_; }
  /// The total time, up to `now`, for which bytes have waited for the sink.
  Clock::duration blockedFor(TimePoint now) const {
    return blockedTotal_ + (blockedSince_ == kNever ? Clock::duration{} : now - blockedSince_);
  }

 private:
  /// `used` is waiting().
  void updatePause(size_t used);
  void noteWaiting(TimePoint now, bool progress, size_t used);
  void endSink();
  Counter pick(Counter inbound, Counter outbound) const {
    return direction_ == Direction::kInbound ? inbound : outbound;
  }

  ByteStream* source_ = nullptr;
  ByteStream* sink_ = nullptr;
  CounterBlock& counters_;
  Tally& bytes_;                   // of counters_
  Tally* serviceBytes_ = nullptr;  // see alsoCountIn()
  RingBuffer fifo_;
  uint64_t delivered_ = 0;
  uint64_t transmitted_ = 0;  // sink_->transmitted() at the last update
  uint64_t lost_ = 0;
  TimePoint lastActivity_{};
  TimePoint stalledSince_ = kNever;
  TimePoint blockedSince_ = kNever;
  Clock::duration blockedTotal_{};
  const Direction direction_;
  SourceEnd sourceEnd_ = SourceEnd::kOpen;
  bool paused_ = false;
  bool ending_ = false;  // shutdownWrite() was called and has not completed
  bool done_ = false;
  bool sinkBroken_ = false;
};

}  // namespace culvert
