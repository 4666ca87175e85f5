// SPDX-License-Identifier: GPL-3.0-or-later
// ClientAuthExpiry logs when the CAs and CRLs for the certificates of clients and backends expire,
// because culvert then refuses the peers that depend on them, and when the certificate expires that
// culvert shows to backends. Thread: control.
#pragma once

#include <cstdint>

#include "log/logger.h"
#include "stats/counters.h"

namespace culvert {

struct Runtime;

class ClientAuthExpiry {
 public:
  explicit ClientAuthExpiry(Logger& logger) : logger_(logger) {}

  /// Logs every CA and CRL that has expired or expires soon. Call after a reload and every day.
  void tellAll(const Runtime& runtime, int64_t now) { tell(runtime, INT64_MIN, now); }
  /// Logs every CA and CRL that has expired, or has come close to its expiry, since the last
  /// report.
  void tellNew(const Runtime& runtime, int64_t now) {
    if (now >= next_) tell(runtime, toldAt_, now);
  }

  /// Puts the time until the first CA and the first CRL expire into `snapshot`.
  static void count(const Runtime& runtime, int64_t now, CounterSnapshot& snapshot);

 private:
  void tell(const Runtime& runtime, int64_t since, int64_t now);

  Logger& logger_;
  int64_t toldAt_ = INT64_MIN;  // the last report (wall clock, seconds)
  int64_t next_ = INT64_MIN;    // when the next report is due
};

}  // namespace culvert
