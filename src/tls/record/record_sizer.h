// SPDX-License-Identifier: GPL-3.0-or-later
// RecordSizer decides how much payload goes into the next record to the client: the maximum, a
// fixed size, or a dynamic size. The dynamic size is small at the start of a burst and the maximum
// later. A client can decrypt a record only after the last byte of the record has arrived. If
// records fit into one TCP segment, the client can decrypt the first payload before a second round
// trip. Thread: loop.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace culvert {

class RecordSizer {
 public:
  static constexpr uint16_t kFull = 16 * 1024;  // RFC 8446 5.1: the maximum payload of a record
  static constexpr uint16_t kDynamic = 0;

  // The payload of a record that fits into one TCP segment. An MTU of 1500 leaves 1399 bytes after
  // the headers of IPv6 (40) and TCP with timestamps (32) and the largest overhead of a record with
  // an AEAD suite (29). Of these 1399 bytes, 30 are reserved for a tunnel or PPPoE on the path.
  static constexpr size_t kSegment = 1369;
  // The payload of a record that fits into three TCP segments. Used after the congestion window has
  // grown.
  static constexpr size_t kFewSegments = 4229;
  // The initial congestion window is ten segments and doubles every round trip. The first two round
  // trips carry about 40 records of kSegment, and the next two carry about 40 records of
  // kFewSegments. The limits count bytes instead of records, because records are smaller if the
  // backend writes little at a time.
  static constexpr uint32_t kSmallBytes = 40 * kSegment;
  static constexpr uint32_t kFewBytes = 40 * kFewSegments;
  // The kernel resets the congestion window after one idle retransmission timeout. That timeout is
  // rarely longer than kIdle.
  static constexpr Millis kIdle{1000};

  explicit RecordSizer(uint16_t size) : size_(size) {}

  /// True if every record may have the maximum size. Then the caller may let wolfSSL split the
  /// payload into records.
  bool isFull() const { return size_ == kFull; }

  /// Returns how much payload fits into `wire` bytes of records, each at most `limit` bytes of
  /// payload and `overhead` bytes more.
  size_t payloadIn(size_t wire, size_t limit, size_t overhead) const {
    const size_t most = std::min<size_t>(limit, size_ != kDynamic ? size_ : kFull);
    const size_t rest = wire % (most + overhead);
    return wire / (most + overhead) * most + (rest > overhead ? rest - overhead : 0);
  }

  /// Returns how many of the next `bytes` bytes of payload go into one record. Counts the returned
  /// number as sent, so the caller must make a record of that size.
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
  uint32_t sent_ = 0;        // bytes sent in this burst, until records have the maximum size
  uint32_t lastMillis_ = 0;  // wraps after 49.7 days, so an idle time of 49.7 days may look short
};

}  // namespace culvert
