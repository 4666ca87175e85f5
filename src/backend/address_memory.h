// SPDX-License-Identifier: GPL-3.0-or-later
// AddressMemory holds what has been learnt of backend addresses: which failed or did not answer,
// since when and why. From that follow the order in which a tunnel tries them, and the news that
// are worth a line in the log. Pure: no clock, no lock, no socket. An address that nothing is known
// of counts as up. Thread: its owner's.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "net/address.h"

namespace culvert {

enum class AddressStatus : uint8_t {
  kUp,
  kFailing,  ///< answers with an error, at once: trying it first costs nothing
  kSilent,   ///< does not answer: trying it first costs time
};

struct AddressReport {
  SocketAddress address;
  AddressStatus status = AddressStatus::kUp;
  int error = 0;          ///< errno of the last failure
  Millis waited{0};       ///< kSilent: for how long an answer was waited for
  TimePoint since{};      ///< of being up or not being up
  uint64_t failures = 0;  ///< failed attempts in a row; once it is up again, of the time before
};

/// A change that the log has not told yet.
struct AddressNews {
  AddressReport report;
  Clock::duration lasted{};  ///< up again: how long it was not
  uint64_t untold = 0;       ///< changes since the last news that were passed over
};
using MaybeNews = std::optional<AddressNews>;

class AddressMemory {
 public:
  /// For how long an address that did not answer is tried last.
  static constexpr Millis kRest{5000};
  /// News of one address: so many at once, later one in each interval.
  static constexpr unsigned kNewsAtOnce = 4;
  static constexpr Millis kNewsInterval{10000};
  /// What nobody has confirmed for so long is forgotten; the return of an address that is seldom
  /// tried is news all the same.
  static constexpr Millis kForget{24 * 3600 * 1000};

  /// An attempt was answered with this errno.
  MaybeNews failed(const SocketAddress& address, int sysErrno, TimePoint now);
  /// An attempt has had no answer for `waited` (ETIMEDOUT), or this errno only after that time.
  MaybeNews silent(const SocketAddress& address, int sysErrno, Millis waited, TimePoint now);
  /// A connection was established.
  MaybeNews answered(const SocketAddress& address, TimePoint now);
  /// Changes that were held back and have lasted; forgets what is old. Call now and then.
  std::vector<AddressNews> overdue(TimePoint now);

  /// Puts the addresses into the order in which to try them: as they stand, but those that rest at
  /// the end, the one that answered most recently first. When the rest of one is over, the caller
  /// has it in its old place, and for everybody else it rests again: one tunnel finds out.
  void order(AddressSet& addresses, TimePoint now);

  /// True where at least one of the addresses counts as up.
  bool anyUp(const AddressSet& addresses) const;
  /// What is known of an address.
  AddressReport report(const SocketAddress& address) const;
  /// Nothing is known, and nothing to be told.
  bool empty() const { return records_.empty(); }

 private:
  struct Record {
    AddressReport report;
    TimePoint restsUntil{};
    TimePoint touched{};
    TimePoint creditSince{};  // from when on news have been saved up: see mayTell()
    Clock::duration lasted{};
    uint64_t untold = 0;
    bool toldUp = true;  // what the log said last
  };

  const Record* find(const SocketAddress& address) const;
  Record* find(const SocketAddress& address);
  MaybeNews setDown(AddressReport report, TimePoint now);
  static bool mayTell(Record& record, TimePoint now);
  static MaybeNews tell(Record& record, TimePoint now);

  std::vector<Record> records_;  // few: only of addresses that are down or were a moment ago
};

}  // namespace culvert
