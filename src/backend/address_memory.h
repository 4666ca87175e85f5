// SPDX-License-Identifier: GPL-3.0-or-later
// AddressMemory records the state of backend addresses: which addresses failed or did not answer,
// since when and why. These records determine the order in which a tunnel tries the addresses, and
// the changes to log. AddressMemory uses no clock, no lock and no socket. An address without a
// record counts as up. Thread: the owner's.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "backend/news_gate.h"
#include "base/clock.h"
#include "net/address.h"

namespace culvert {

enum class AddressStatus : uint8_t {
  kUp,
  kFailing,  ///< an attempt fails at once, so trying this address first does not delay a tunnel
  kSilent,   ///< an attempt gets no answer, so trying this address first delays a tunnel
};

struct AddressReport {
  SocketAddress address;
  AddressStatus status = AddressStatus::kUp;
  int error = 0;          ///< errno of the last failure
  Millis waited{0};       ///< if kSilent, how long culvert waited for an answer
  TimePoint since{};      ///< when the address last came up or went down
  uint64_t failures = 0;  ///< consecutive failures; after a recovery, the failures of the last
                          ///< outage
};

/// A change that has not been logged yet.
struct AddressNews {
  AddressReport report;
  Clock::duration lasted{};  ///< if the address has recovered, how long it was down
  uint64_t untold = 0;       ///< how many changes since the previous news were not logged
};
using MaybeNews = std::optional<AddressNews>;

class AddressMemory {
 public:
  /// For this long, an address that did not answer is tried last.
  static constexpr Millis kRest{5000};
  /// The rate limit of the log lines per address.
  static constexpr unsigned kNewsAtOnce = NewsGate::kAtOnce;
  static constexpr Millis kNewsInterval = NewsGate::kInterval;
  /// A record that no attempt has confirmed for this long is dropped. The limit is long, so that
  /// the recovery of a seldom used address is still reported.
  static constexpr Millis kForget{24 * 3600 * 1000};

  /// Records that an attempt failed at once with `sysErrno`. Returns the change if it has to be
  /// logged now.
  MaybeNews failed(const SocketAddress& address, int sysErrno, TimePoint now);
  /// Records that an attempt got no answer within `waited` (`sysErrno` is ETIMEDOUT), or failed
  /// with `sysErrno` after `waited`.
  MaybeNews silent(const SocketAddress& address, int sysErrno, Millis waited, TimePoint now);
  /// Records that a connection was established.
  MaybeNews answered(const SocketAddress& address, TimePoint now);
  /// Returns the changes that the rate limit delayed, except changes that have been reversed. Drops
  /// old records. Call this regularly.
  std::vector<AddressNews> overdue(TimePoint now);

  /// Sorts the addresses into the order in which to try them. Silent addresses go to the end for
  /// kRest, the most recently silent address first. All other addresses keep their order. After
  /// kRest, a silent address keeps its place, too. The first caller that gets it in first place
  /// tries it, and for later callers a new kRest begins.
  void order(AddressSet& addresses, TimePoint now);

  /// True if at least one of the addresses counts as up.
  bool anyUp(const AddressSet& addresses) const;
  /// The record of `address`. The status is kUp if there is no record.
  AddressReport report(const SocketAddress& address) const;
  /// True if there are no records, and so nothing to report.
  bool empty() const { return records_.empty(); }

 private:
  struct Record {
    AddressReport report;
    TimePoint restsUntil{};
    TimePoint touched{};
    Clock::duration lasted{};
    NewsGate gate{};
  };

  const Record* find(const SocketAddress& address) const;
  Record* find(const SocketAddress& address);
  MaybeNews setDown(AddressReport report, TimePoint now);
  static MaybeNews news(const Record& record, std::optional<uint64_t> untold);

  std::vector<Record> records_;  // only addresses that are down or were down recently
};

}  // namespace culvert
