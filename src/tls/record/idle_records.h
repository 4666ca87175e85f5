// SPDX-License-Identifier: GPL-3.0-or-later
// IdleRecords detects a flood of records without payload: empty records, KeyUpdates and warning
// alerts. Each such record takes CPU time. A flood is kMost such records in a row, each at most
// kPause after the previous record. A few such records over days are not a flood. For example,
// wolfSSL sends a KeyUpdate every 24 million records, and some clients send records without payload
// to keep an idle connection open. Thread: loop.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace culvert {

class IdleRecords {
 public:
  // OpenSSL and BoringSSL allow 32 records without payload in a row. culvert allows 33, because it
  // must decrypt the record after the 32nd to find out whether that record carries payload.
  static constexpr uint16_t kMost = 32 + 1;
  static constexpr Millis kPause{1000};

  /// Call at the start of each record. Returns true if the last kMost records carried no payload
  /// and the previous record arrived at most kPause ago.
  bool flooded(TimePoint now) {
    if (count_ < kMost) return false;
    if (now - last_ <= kPause) return true;
    count_ = 0;
    return false;
  }
  /// Call for each record once the record's header is complete. payload() resets the count.
  void add(TimePoint now) {
    if (now - last_ > kPause) count_ = 0;
    last_ = now;
    ++count_;
  }
  void payload() { count_ = 0; }

 private:
  TimePoint last_{};
  uint16_t count_ = 0;  // records without payload in a row
};

}  // namespace culvert
