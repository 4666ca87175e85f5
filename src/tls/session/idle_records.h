// SPDX-License-Identifier: GPL-3.0-or-later
// IdleRecords tells a flood of records that cost work and bring no payload (empty ones, KeyUpdates,
// warnings) from the few that a healthy session of days sums up: so many in a row, none of them
// longer than a moment after the one before. A client that only receives answers a KeyUpdate of
// wolfSSL's every 24 million records, and some keep a silent connection alive by them. Thread:
// loop.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace culvert {

class IdleRecords {
 public:
  // OpenSSL and BoringSSL draw the line at 32. The record after them may be payload, which is known
  // only when it has been opened.
  static constexpr uint16_t kMost = 32 + 1;
  static constexpr Millis kPause{1000};

  /// Of each record, when it begins: whether it is one too many.
  bool flooded(TimePoint now) {
    if (count_ < kMost) return false;
    if (now - last_ <= kPause) return true;
    count_ = 0;
    return false;
  }
  /// Of each record, once its header is there; payload() takes it back.
  void add(TimePoint now) {
    if (now - last_ > kPause) count_ = 0;
    last_ = now;
    ++count_;
  }
  void payload() { count_ = 0; }

 private:
  TimePoint last_{};
  uint16_t count_ = 0;  // in a row
};

}  // namespace culvert
