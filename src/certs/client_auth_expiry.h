// SPDX-License-Identifier: GPL-3.0-or-later
// ClientAuthExpiry tells the log when the CAs and revocation lists that clients are verified with
// run out: nobody of theirs is let in from then on. Thread: control.
#pragma once

#include <cstdint>

#include "log/logger.h"
#include "stats/counters.h"

namespace culvert {

struct Runtime;

class ClientAuthExpiry {
 public:
  explicit ClientAuthExpiry(Logger& logger) : logger_(logger) {}

  /// All that ends soon or has ended: another configuration is in force, or a day has passed.
  void tellAll(const Runtime& runtime, int64_t now) { tell(runtime, INT64_MIN, now); }
  /// What has come to its last stretch, or to its end, since the last telling.
  void tellNew(const Runtime& runtime, int64_t now) {
    if (now >= next_) tell(runtime, toldAt_, now);
  }

  /// How long the first of them lasts.
  static void count(const Runtime& runtime, int64_t now, CounterSnapshot& snapshot);

 private:
  void tell(const Runtime& runtime, int64_t since, int64_t now);

  Logger& logger_;
  int64_t toldAt_ = INT64_MIN;  // wall clock, seconds
  int64_t next_ = INT64_MIN;    // when there will be something to tell
};

}  // namespace culvert
