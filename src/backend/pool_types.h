// SPDX-License-Identifier: GPL-3.0-or-later
// What goes into a BackendPool (options, backends) and what comes out of it (places, changes to log,
// the state of each address). Thread: any (values), except BackendHold: loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backend/address_memory.h"
#include "backend/balance.h"
#include "backend/ejection.h"
#include "backend/health_track.h"
#include "backend/resolver.h"

namespace culvert {

struct BackendSlot;

/// One open connection to an address. While it exists, the address has one open tunnel more.
class BackendHold {
 public:
  BackendHold() = default;
  explicit BackendHold(std::shared_ptr<BackendSlot> slot) : slot_(std::move(slot)) {}
  ~BackendHold() { release(); }
  BackendHold(BackendHold&& other) noexcept = default;
  BackendHold& operator=(BackendHold&& other) noexcept;

  bool held() const { return slot_ != nullptr; }
  /// The address; call only if held().
  const SocketAddress& address() const;
  void release() noexcept;

 private:
  std::shared_ptr<BackendSlot> slot_;
};

/// Frozen.
struct PoolOptions {
  Balance balance = Balance::kFirst;
  uint64_t maxTunnels = 0;      ///< for each address; 0 = no limit
  Ejection::Limits ejection{};  ///< with the default, no address is ejected
  bool checked = false;         ///< health-check is on, so the results of checks count
  HealthTrack::Limits health{};
  std::function<uint64_t()> random{};  ///< for random2; if empty, a generator of the pool's own
};

/// One configured backend.
struct PoolTarget {
  std::shared_ptr<BackendTarget> target;
  unsigned weight = 1;
};

/// How an address takes part: addresses of a lower priority number come first, and the weight
/// counts among those of the same priority.
struct PoolShare {
  unsigned weight = 1;
  unsigned priority = 0;
};

enum class PoolEvent : uint8_t { kDown, kUp, kEjected, kReturned };

/// A change of an address that has to be logged now.
struct PoolNews {
  PoolEvent event = PoolEvent::kUp;
  SocketAddress address{};
  std::string why{};         ///< kDown: the last check's error. kEjected: the last failure
  uint64_t failures = 0;     ///< kDown, kEjected: in a row
  Clock::duration lasted{};  ///< kUp, kReturned: how long the address was down or ejected
  Millis time{};             ///< kEjected: how long the ejection will last
  uint64_t untold = 0;       ///< how many changes since the previous line were not logged
};

struct BackendEvents {
  std::vector<AddressNews> addresses;
  std::vector<PoolNews> pool;
};

/// The state of one address, or of a name that has no address.
struct BackendState {
  SocketAddress address{};  ///< not set for a name without an address
  std::string name{};       ///< the backend as in the configuration, without its weight
  PoolShare share{};
  uint64_t open = 0;  ///< tunnels and connection attempts
  AddressReport connects{};
  CheckState check = CheckState::kUnknown;
  TimePoint checkedSince{};  ///< since when the check state is so
  std::string checkError{};  ///< of the last failed check, if the address is down
  TimePoint ejectedUntil{};  ///< zero if the address is not ejected
};

}  // namespace culvert
