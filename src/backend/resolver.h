// SPDX-License-Identifier: GPL-3.0-or-later
// Resolver turns host names into address sets on a thread of its own (`culvert-dns`), because
// getaddrinfo() blocks. A set is immutable. A new look-up replaces the whole set, but a failed
// look-up keeps the last set. A BackendTarget is one configured backend address, and any thread can
// read its current set. The thread starts only if there is a host name. An SRV name is asked for
// again when its TTL has passed; the addresses of its targets, and of all other names, every 30 s.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "backend/srv_lookup.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/stray_thread.h"
#include "net/backend_spec.h"
#include "net/resolve.h"

namespace culvert {

/// Thread: any.
class BackendTarget {
 public:
  /// For a literal or a UNIX path, whose set never changes.
  explicit BackendTarget(const SocketAddress& address);
  ~BackendTarget();
  BackendTarget(const BackendTarget&) = delete;
  BackendTarget& operator=(const BackendTarget&) = delete;

  /// The address as in the configuration (BackendSpec::text()).
  const std::string& text() const { return text_; }
  /// The name that the backend's certificate must have: the host name, the literal without port and
  /// brackets, or the domain of an SRV name (RFC 6125: the name that the configuration trusts, not
  /// the one that DNS has returned). Empty for a UNIX path.
  const std::string& host() const { return host_; }
  /// True if the set never changes. It has one address then.
  bool fixed() const { return resolver_ == nullptr; }
  /// The current set. It is never null, and is empty until a name has been resolved.
  std::shared_ptr<const AddressSet> addresses() const;
  /// The same set with the priorities and weights of SRV records.
  std::shared_ptr<const TargetSet> set() const;

  /// Requests a new look-up soon, at most one a second. Call it after a failed connect and if the
  /// set is empty. It does not wait for the look-up. It does nothing for literals and after the
  /// resolver has stopped.
  void refreshSoon();

 private:
  friend class Resolver;
  struct Shared;  // the state that Resolver, its thread and all targets share
  BackendTarget(const BackendSpec& name, std::shared_ptr<Shared> resolver);

  /// Belongs to the resolver's thread; guarded by the resolver's mutex.
  struct LookupState {
    TimePoint next{};      // when the next look-up is due
    TimePoint last{};      // the end of the previous look-up
    TimePoint srvUntil{};  // until then `srv` is valid
    bool answered = false;
    bool failing = false;
  };

  const std::string text_;
  const std::string srv_;  // the SRV name, or empty
  const std::string host_;
  const uint16_t port_ = 0;
  const std::shared_ptr<Shared> resolver_;  // null for literals
  LookupState lookup_;
  SrvAnswer records_;  // of the SRV name; only the resolver's thread uses it
  // This is a mutex and not an atomic<shared_ptr>, because TSan reports false races in libstdc++
  // 12's atomic<shared_ptr>. A lock per connect is cheap.
  mutable std::mutex mutex_;
  std::shared_ptr<const TargetSet> set_;
};

enum class ResolveEvent : uint8_t {
  kResolved,   ///< the first successful look-up of a name (info)
  kChanged,    ///< the look-up returned a different set (notice)
  kFailed,     ///< the first of consecutive failures; the last set, if any, is kept (warning)
  kRecovered,  ///< a failing name resolves again, to the same set (notice)
};

struct ResolverOptions {
  Millis interval{30000};  ///< between regular look-ups
  Millis minGap{1000};     ///< between two look-ups of one name
  /// Runs first in the new thread, with all signals blocked. It has to drop capabilities.
  std::function<void()> onThreadStart;
  /// Called on the resolver's thread for each event, but not after the destructor. May be empty.
  std::function<void(ResolveEvent, const std::string& text)> onEvent;
  /// Limits of the time for which the records of an SRV name are used.
  Millis shortestTtl{1000}, longestTtl{3'600'000};
  /// Resolves a name; tests replace it.
  HostToAddresses lookup = resolveHost;
  /// Asks for SRV records; tests replace it.
  std::function<Result<SrvAnswer>(const std::string& name)> srv = querySrv;
};

/// Thread: control (register, start, destroy).
class Resolver {
 public:
  explicit Resolver(ResolverOptions options);
  /// Stops the thread and waits at most a quarter of a second for it to end. If the thread is stuck
  /// in getaddrinfo(), it continues to run, and shares ownership of the state that it uses.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Returns the target of a backend address. Host names with equal text share a target. The
  /// resolver looks a name up only while a caller holds the name's target, so a reload that removes
  /// a name ends its look-ups. `spec` must not be a kWildcard.
  std::shared_ptr<BackendTarget> target(const BackendSpec& spec);
  std::shared_ptr<BackendTarget> target(const AddressSpec& spec);

  /// Starts the thread if there is a host name and the thread does not run yet. Call after the
  /// privilege drop and after each reload. Returns when onThreadStart has run.
  Result<void> start();

  /// Waits at most `limit` until the first look-up of every registered name has succeeded or
  /// failed. Returns false if a first look-up has not finished by then.
  bool waitFirstAnswers(Millis limit);

  bool running() const { return thread_.running(); }

 private:
  const std::shared_ptr<BackendTarget::Shared> shared_;
  StrayThread thread_;
};

}  // namespace culvert
