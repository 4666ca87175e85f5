// SPDX-License-Identifier: GPL-3.0-or-later
// BackendPool is the state of all addresses of one service: open tunnels, the results of checks,
// ejections, and what connects have shown (BackendMemory). All tunnels of the service, on all
// workers, share it. It gives each tunnel the order in which to try the addresses. The pool of a
// reloaded service continues with the state of the previous one. With one literal address, or
// several of them, `balance = first` and all of them up, no tunnel locks a mutex. Thread: any.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "backend/backend_memory.h"
#include "backend/pool_types.h"

namespace culvert {

class BackendPool {
 public:
  /// A pool without an address.
  BackendPool() : BackendPool({}, {}) {}
  /// `before` is the pool of the same service in the previous configuration. The state of addresses
  /// that both have is shared. What connects have shown is shared if the backends are the same.
  BackendPool(PoolOptions options, std::vector<PoolTarget> targets,
              const BackendPool* before = nullptr);
  ~BackendPool();
  BackendPool(const BackendPool&) = delete;
  BackendPool& operator=(const BackendPool&) = delete;

  const PoolOptions& options() const { return options_; }
  const std::vector<PoolTarget>& targets() const { return targets_; }
  /// The current addresses of all backends.
  AddressSet addresses() const;
  const BackendMemory& memory() const { return *memory_; }

  /// Fills `pass` with the addresses in the order in which to try them: first those that are up,
  /// not ejected and not full, by balance; then full ones, then ejected ones and those that are
  /// down by checks; last those that rest after silence. `client` is the hostKey() of the client.
  /// Returns the names without an address.
  std::vector<BackendTarget*> plan(AddressSet& pass, uint64_t client, TimePoint now);
  /// Takes a place at `address` for a connection attempt. Returns nothing if the address is full.
  std::optional<BackendHold> take(const SocketAddress& address);
  /// True if `other` counts the same tunnels.
  bool countsWith(const BackendPool& other) const { return table_ == other.table_; }

  /// What the attempts to connect have shown. See BackendMemory.
  MaybeNews connectFailed(const SocketAddress& address, int sysErrno, const AddressSet& tried,
                          TimePoint now);
  MaybeNews connectSilent(const SocketAddress& address, int sysErrno, Millis waited,
                          const AddressSet& tried, TimePoint now);
  MaybeNews connected(const SocketAddress& address, TimePoint now);
  void unresolved();

  struct Verdict {
    bool ejected = false;
    std::vector<PoolNews> news;
  };
  /// Records that a tunnel has failed at `address`: the connect, the TLS handshake, or a reset
  /// before the first byte. Call at most once for each tunnel and address.
  Verdict tunnelFailed(const SocketAddress& address, std::string_view why, TimePoint now);
  /// Records that the backend at `address` has sent a tunnel its first byte.
  std::optional<PoolNews> tunnelWorks(const SocketAddress& address, TimePoint now);

  /// Records the result of one check. `why` is the error of a failed check. Returns what has to be
  /// logged.
  BackendEvents probed(const SocketAddress& address, bool ok, std::string_view why, TimePoint now);

  /// Returns the changes that the rate limit delayed, and ejections that are over. Forgets addresses
  /// that the service no longer has. Call this regularly.
  BackendEvents overdue(TimePoint now);

  std::vector<BackendState> report(TimePoint now) const;
  /// How many of the current addresses are down by checks or by connects, or ejected.
  size_t downCount(TimePoint now) const;

  /// True while every address is down by checks, or while BackendMemory::down().
  bool down() const { return checksDown_.load() || memory_->down(); }
  /// Sets the function that is called after each change of down(), on any thread. It must not call
  /// the pool. The pools of later configurations of the service keep it.
  void setOnDownChange(std::function<void()> changed);

 private:
  struct Table;
  using SlotMap = std::unordered_map<SocketAddress, std::shared_ptr<BackendSlot>, AddressHash>;
  struct Candidate;

  PoolShare shareOf(const PoolTarget& target, const SocketAddress& address) const;
  bool ordinary() const;
  std::vector<Candidate> candidates(TimePoint now);
  void arrange(std::vector<Candidate>& all, uint64_t client);
  std::shared_ptr<BackendSlot> slotOf(const SocketAddress& address);
  void noteChecks();
  void noteDown();

  const PoolOptions options_;
  const std::vector<PoolTarget> targets_;
  std::shared_ptr<Table> table_;
  std::shared_ptr<BackendMemory> memory_;
  SlotMap fixed_;  // the slots of literal addresses; not changed after the constructor
  std::atomic<bool> checksDown_{false};
  std::atomic<bool> toldDown_{false};
};

}  // namespace culvert
