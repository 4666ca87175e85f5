// SPDX-License-Identifier: GPL-3.0-or-later
// AddressMemory records the state of backend addresses: which addresses failed or did not answer,
// since when and why. It derives from these records in which order a tunnel tries the addresses,
// and which changes to log. It uses no clock, no lock and no socket. An address without a record
// counts as up. Thread: its owner's.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "net/address.h"

namespace culvert {

enum class AddressStatus : uint8_t {
  kUp,
  kFailing,  ///< answers with an error at once, so trying it first costs nothing
  kSilent,   ///< does not answer, so trying it first costs time
};

struct AddressReport {
  SocketAddress address;
  AddressStatus status = AddressStatus::kUp;
  int error = 0;          ///< errno of the last failure
  Millis waited{0};       ///< kSilent: how long culvert waited for an answer
  TimePoint since{};      ///< when the address came up or went down
  uint64_t failures = 0;  ///< consecutive failures; after a recovery, the failures of the last
                          ///< outage
};

/// A change that has not been logged yet.
struct AddressNews {
  AddressReport report;
  Clock::duration lasted{};  ///< after a recovery: how long the address was down
  uint64_t untold = 0;       ///< changes since the last news that were not logged
};
using MaybeNews = std::optional<AddressNews>;

class AddressMemory {
 public:
  /// An address that did not answer is tried last for this long.
  static constexpr Millis kRest{5000};
  /// Rate limit of the log lines per address: up to kNewsAtOnce at once, then one per
  /// kNewsInterval.
  static constexpr unsigned kNewsAtOnce = 4;
  static constexpr Millis kNewsInterval{10000};
  /// A record that no attempt has confirmed for this long is dropped. The limit is long, so that
  /// the recovery of a seldom used address is still reported.
  static constexpr Millis kForget{24 * 3600 * 1000};

  /// An attempt failed at once with this errno.
  MaybeNews failed(const SocketAddress& address, int sysErrno, TimePoint now);
  /// An attempt got no answer within `waited` (ETIMEDOUT), or failed with this errno after that
  /// time.
  MaybeNews silent(const SocketAddress& address, int sysErrno, Millis waited, TimePoint now);
  /// A connection was established.
  MaybeNews answered(const SocketAddress& address, TimePoint now);
  /// Returns the changes that the rate limit held back and that still hold. Drops old records. Call
  /// it regularly.
  std::vector<AddressNews> overdue(TimePoint now);

  /// Sorts the addresses into the order in which to try them. Addresses keep their order, but
  /// silent ones go to the end for kRest, the most recently silent first. After kRest, one caller
  /// gets the address in its old place and tries it; for all other callers a new kRest begins.
  void order(AddressSet& addresses, TimePoint now);

  /// True if at least one of the addresses counts as up.
  bool anyUp(const AddressSet& addresses) const;
  /// The record of an address.
  AddressReport report(const SocketAddress& address) const;
  /// True if there are no records, and so nothing to report.
  bool empty() const { return records_.empty(); }

 private:
  struct Record {
    AddressReport report;
    TimePoint restsUntil{};
    TimePoint touched{};
    TimePoint creditSince{};  // the token bucket has been filling since then: see mayTell()
    Clock::duration lasted{};
    uint64_t untold = 0;
    bool toldUp = true;  // what was logged last
  };

  const Record* find(const SocketAddress& address) const;
  Record* find(const SocketAddress& address);
  MaybeNews setDown(AddressReport report, TimePoint now);
  static bool mayTell(Record& record, TimePoint now);
  static MaybeNews tell(Record& record, TimePoint now);

  std::vector<Record> records_;  // only addresses that are down or were down recently
};

}  // namespace culvert
