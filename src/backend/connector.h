// SPDX-License-Identifier: GPL-3.0-or-later
// Connector connects to one backend. It tries every address of every target, in the order that
// BackendMemory gives. If an address refuses or is unreachable, it tries the next address at once.
// If an address does not answer within 250 ms, it tries the next address in parallel. The first
// connection that is established wins (RFC 8305). It retries the failed addresses with backoff
// until the connect timeout, so that clients do not notice a backend's restart. Each pass uses the
// addresses that the resolver has when the pass begins. Thread: loop.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/backend_memory.h"
#include "backend/resolver.h"
#include "base/intrusive_list.h"
#include "base/unique_fd.h"
#include "event/io_watcher.h"
#include "event/timer.h"
#include "net/dialer.h"
#include "stats/counters.h"

namespace culvert {

/// The settings that the connectors of one service share. Frozen.
struct ConnectorOptions {
  std::string service;  ///< for the log
  std::vector<std::shared_ptr<BackendTarget>> targets;
  std::shared_ptr<BackendMemory> memory = std::make_shared<BackendMemory>();
  Millis connectTimeout{10000};  ///< for all passes together; 0 = no limit
  bool retry = true;             ///< if false, fail after the first pass
};

/// What a connector needs from the owner of its loop.
class ConnectorHost {
 public:
  /// Logs that a backend address has failed or answers again.
  virtual void onBackendNews(const ConnectorOptions& options, const AddressNews& news) = 0;
  /// Takes a descriptor for a parallel attempt; a connector's first attempt needs no spare
  /// descriptor. Returns false if no descriptor is free.
  virtual bool takeSpareDescriptor() = 0;
  virtual void giveSpareDescriptor() = 0;
  /// True if max-tunnels is nearly reached, so that a tunnel that waits for a dead backend may
  /// block other clients.
  virtual bool placesScarce() const = 0;

 protected:
  ~ConnectorHost() = default;
};

class Connector;

/// Objects that the connectors of one loop share. The objects outlive the connectors.
struct ConnectorContext {
  EventLoop& loop;
  CounterBlock& counters;
  ConnectorHost& host;
  IntrusiveList<Connector> waiting{};  ///< connectors between dial() and the outcome, the oldest
                                       ///< first
};

class Connector final : public Dialer, public ListNode<Connector> {
 public:
  /// How long to wait for an address before the next address is tried in parallel.
  static constexpr Millis kHeadStart{250};
  /// An address that has not answered for this long counts as silent, even if it is the only
  /// address. The time is longer than one second, because TCP retransmits a lost SYN after one
  /// second.
  static constexpr Millis kSilentAfter{1500};

  /// Makes the stream of an established connection: `address` has accepted it, and `host` is the
  /// configured host of that address (BackendTarget::host()).
  using MakeStream = std::function<std::unique_ptr<ByteStream>(
      UniqueFd fd, const SocketAddress& address, const std::string& host)>;

  /// `context` and `options` outlive the connector.
  Connector(ConnectorContext& context, const ConnectorOptions& options, MakeStream makeStream);
  ~Connector() override;

  void dial(DialObserver& observer) override;

  /// True if the backend is down, and this connector has no attempt in progress or has waited for
  /// kHeadStart. Waiting longer would probably not help.
  bool mayGiveWay() const;
  /// Gives up at once and reports the last failure, to free a place for other tunnels.
  void giveWay();

 private:
  struct Attempt;

  template <class Step>
  void guarded(Step step);
  void beginPass();
  void startNext();
  bool start(const SocketAddress& address);
  void endOfPass();
  void fail();
  void adopt(UniqueFd fd, const SocketAddress& address);
  std::string hostOf(const SocketAddress& address) const;
  void onWritable(Attempt& attempt);
  void onTimer();
  void runDue();

  bool expireAttempts(TimePoint now);
  void noteFailure(const SocketAddress& address, int sysErrno);
  void noteFailure(const Attempt& attempt, int sysErrno);
  void noteSilent(const Attempt& attempt, int sysErrno);
  void setFailure(const SocketAddress& address, int sysErrno);
  void tell(const MaybeNews& news);
  TimePoint shareOf(TimePoint now) const;
  void catchUp(TimePoint now);
  TimePoint nextDue() const;
  void arm();

  size_t inFlight() const;
  bool trying(const SocketAddress& address) const;
  bool roomForAnother();
  void drop(Attempt& attempt);
  void dropAll();
  void settleSpares();

  ConnectorContext& context_;
  const ConnectorOptions& options_;
  MakeStream makeStream_;
  DialObserver* observer_ = nullptr;  // null before dial() and after the outcome

  AddressSet pass_;  // the addresses of the current pass
  size_t next_ = 0;  // index into pass_ of the address to try next
  std::array<std::unique_ptr<Attempt>, 4> attempts_;
  size_t spares_ = 0;     // descriptors taken from the host
  bool crowded_ = false;  // the next address waits for a spare descriptor
  Timer timer_;
  TimePoint began_{};
  TimePoint phaseDeadline_ = kNever;
  TimePoint nextStart_ = kNever;  // when to try the next address in parallel
  TimePoint retryAt_ = kNever;    // when the next pass begins
  Millis backoff_;
  bool stoodStill_ = false;  // phaseDeadline_ was postponed, because the process stood still
  std::optional<CloseReason> lastFailure_;
};

}  // namespace culvert
