// SPDX-License-Identifier: GPL-3.0-or-later
// Ejection decides which addresses of a service are tried last because tunnels through them have
// failed. It counts the failures in a row of each address. An ejected address returns after a time
// that grows with each ejection in a row. At most half of the addresses are ejected at once, and
// never the only one. It uses no clock and no lock. Thread: the owner's.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "net/address.h"

namespace culvert {

class Ejection {
 public:
  /// The time of an ejection grows up to this multiple of Limits::time.
  static constexpr uint64_t kMostTimes = 10;

  struct Limits {
    uint64_t failures = 0;  ///< in a row, after which an address is ejected; 0 = never
    Millis time{10000};     ///< how long the first ejection in a row lasts
  };
  struct Ejected {
    uint64_t failures = 0;
    Millis time{};
  };
  /// An ejection that is over.
  struct Return {
    SocketAddress address;
    Clock::duration lasted{};
  };

  /// Records a failure of `address`. `all` has the current addresses of the service. Returns the
  /// ejection if this failure began one.
  std::optional<Ejected> failed(const SocketAddress& address, const AddressSet& all,
                                const Limits& limits, TimePoint now);
  /// Records that a tunnel through the address works. Its failures are forgotten, and an ejection
  /// ends.
  std::optional<Return> succeeded(const SocketAddress& address, TimePoint now);
  /// Returns the ejections that have ended since the previous call because their time was over.
  std::vector<Return> takeReturned(TimePoint now);

  bool ejected(const SocketAddress& address, TimePoint now) const;
  /// The end of the address's ejection; zero if it is not ejected.
  TimePoint ejectedUntil(const SocketAddress& address, TimePoint now) const;
  /// True if no address has a failure since its last success.
  bool empty() const { return records_.empty(); }
  /// Forgets addresses that the service no longer has.
  void keepOnly(const AddressSet& all);

 private:
  struct Record {
    SocketAddress address;
    uint64_t failures = 0;  // in a row
    uint64_t times = 0;     // ejections in a row
    TimePoint since{};      // of the ejection
    TimePoint until{};      // zero if the address is not ejected, or its return has been taken
  };
  const Record* find(const SocketAddress& address) const;
  Record& recordOf(const SocketAddress& address);
  bool roomForAnother(const AddressSet& all, TimePoint now) const;

  std::vector<Record> records_;
};

}  // namespace culvert
