// SPDX-License-Identifier: GPL-3.0-or-later
// RecordSizer says how much payload goes into the next record to the client: as much as there can
// be, a fixed size, or (dynamic) little at the start of a burst and all in the middle of one. A
// client can use the first byte of a record only once its last has come: a record of one TCP
// segment does not wait for the next round trip. Thread: loop.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace culvert {

class RecordSizer {
 public:
  static constexpr uint16_t kFull = 16 * 1024;  // RFC 8446 5.1: the most that a record can hold
  static constexpr uint16_t kDynamic = 0;

  // One segment: an MTU of 1500, less IPv6 (40), TCP with timestamps (32) and the most that a
  // record of an AEAD suite adds (29), leaves 1399; less 30 for a tunnel or PPPoE on the way.
  static constexpr size_t kSegment = 1369;
  // Three segments, once the congestion window has opened.
  static constexpr size_t kFewSegments = 4229;
  // An initial window is ten segments and doubles every round trip: what 40 records hold are the
  // first two round trips, as many again of the middle size the next two. Bytes and not records are
  // counted: those of a backend that writes little at a time do not fill a segment.
  static constexpr uint32_t kSmallBytes = 40 * kSegment;
  static constexpr uint32_t kFewBytes = 40 * kFewSegments;
  // The kernel's congestion window starts anew after an idle retransmission timeout, which is
  // seldom longer.
  static constexpr Millis kIdle{1000};

  explicit RecordSizer(uint16_t size) : size_(size) {}

  /// True where wolfSSL may cut by itself.
  bool isFull() const { return size_ == kFull; }

  /// How many of `bytes` go into the next record, which the caller then makes.
  size_t next(size_t bytes, TimePoint now) {
    if (size_ != kDynamic) return std::min<size_t>(bytes, size_);
    const auto millis =
        static_cast<uint32_t>(std::chrono::duration_cast<Millis>(now.time_since_epoch()).count());
    if (millis - lastMillis_ >= kIdle.count()) sent_ = 0;
    lastMillis_ = millis;
    if (sent_ >= kSmallBytes + kFewBytes) return std::min<size_t>(bytes, kFull);
    const size_t part = std::min(bytes, sent_ < kSmallBytes ? kSegment : kFewSegments);
    sent_ += static_cast<uint32_t>(part);
    return part;
  }

 private:
  uint16_t size_;
  uint32_t sent_ = 0;        // bytes of this burst, up to where it no longer matters
  uint32_t lastMillis_ = 0;  // wraps after 49 days: then a burst may go on that has ended
};

}  // namespace culvert
