// SPDX-License-Identifier: GPL-3.0-or-later
// TunnelLimits are the limits on the tunnels of one scope: a service, or the whole process. A tunnel
// enters when culvert has accepted it, and its LimitHold leaves when it ends. The object stays over a
// reload, which only changes the numbers. Thread: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

#include "base/clock.h"
#include "limit/source_table.h"

namespace culvert {

class TunnelLimits;

/// The numbers of a scope; 0 means "no limit".
struct TunnelLimitSettings {
  uint64_t maxTunnels = 0;
  uint64_t maxTunnelsPerSource = 0;
  uint64_t tunnelRate = 0;  ///< new tunnels a second from one source
  bool operator==(const TunnelLimitSettings&) const = default;
};

enum class TunnelLimit : uint8_t { kMaxTunnels, kMaxTunnelsPerSource, kTunnelRate };
/// The name of the option, which is also the word in the log: `limit:max-tunnels`.
std::string_view limitWord(TunnelLimit limit);

/// One tunnel that is counted in a scope. Its destructor, on any thread, ends the counting. The
/// TunnelLimits must outlive it.
class LimitHold {
 public:
  LimitHold() = default;
  LimitHold(LimitHold&& other) noexcept { *this = std::move(other); }
  LimitHold& operator=(LimitHold&& other) noexcept {
    std::swap(limits_, other.limits_);
    std::swap(source_, other.source_);
    std::swap(inTable_, other.inTable_);
    return *this;
  }
  ~LimitHold() { release(); }

  void release();
  /// Call instead of release() if the tunnel does not begin. Also returns the token of tunnel-rate.
  void takeBack();
  explicit operator bool() const { return limits_ != nullptr; }

 private:
  friend class TunnelLimits;
  LimitHold(TunnelLimits& limits, const SourceKey& source, bool inTable)
      : limits_(&limits), source_(source), inTable_(inTable) {}

  TunnelLimits* limits_ = nullptr;
  SourceKey source_;
  bool inTable_ = false;
};

class TunnelLimits {
 public:
  enum class Scope : uint8_t {
    kService,  ///< always counts its tunnels, so that a reload can set max-tunnels
    kProcess,  ///< max-tunnels of the process is TunnelBudget's, so it is not counted here
  };

  explicit TunnelLimits(Scope scope) : scope_(scope) {}
  ~TunnelLimits();
  TunnelLimits(const TunnelLimits&) = delete;
  TunnelLimits& operator=(const TunnelLimits&) = delete;

  /// Open tunnels stay, even if they are more than a new limit allows. Tunnels that began while no
  /// limit of a source was set are not counted for their source.
  void setLimits(const TunnelLimitSettings& settings);

  /// Counts a new tunnel of `client`, or says which limit refuses it. A refused tunnel changes
  /// nothing. Without limits of a source this takes no lock. `place` is from takePlace(), or empty.
  tl::expected<LimitHold, TunnelLimit> enter(const SocketAddress& client, TimePoint now,
                                             LimitHold place = {});

  /// Counts a connection before its client is known, for a listener that pauses at max-tunnels. The
  /// hold is empty if max-tunnels is reached. Only in the scope kService.
  LimitHold takePlace();
  /// `wake` runs on the thread that returns a place while a listener waits for one. Set `wake`
  /// before beginWaiting().
  /// Only the first call counts. Thread: the listeners'.
  void setWake(std::function<void()> wake) {
    if (!wake_) wake_ = std::move(wake);
  }
  /// Announces that a listener waits for a place. Check full() again afterwards, because a place
  /// may have been returned just before the announcement.
  void beginWaiting() { waiting_.store(true); }

  /// Number of open tunnels; always 0 in the scope kProcess.
  size_t open() const { return open_.load(); }
  /// Returns true if max-tunnels is reached.
  bool full() const {
    const uint64_t most = maxTunnels_.load(std::memory_order_relaxed);
    return most != 0 && open() >= most;
  }
  /// The sources that are counted; nullptr if no limit of a source was ever set.
  const SourceTable* sources() const { return table_.load(std::memory_order_acquire); }

 private:
  friend class LimitHold;
  void leave(const SourceKey& source, bool inTable, bool takeBack);
  SourceTable::Limits sourceLimits() const {
    return {maxTunnelsPerSource_.load(std::memory_order_relaxed),
            tunnelRate_.load(std::memory_order_relaxed)};
  }

  const Scope scope_;
  std::atomic<uint64_t> maxTunnels_{0};
  std::atomic<uint64_t> maxTunnelsPerSource_{0};
  std::atomic<uint64_t> tunnelRate_{0};
  std::atomic<size_t> open_{0};
  // Made with the first limit of a source. Deleted only with this object, because holds use it.
  std::atomic<SourceTable*> table_{nullptr};
  std::atomic<bool> waiting_{false};
  std::function<void()> wake_;
};

}  // namespace culvert
