// SPDX-License-Identifier: GPL-3.0-or-later
// Connector connects to one backend. It tries every address of every target, in the order that
// BackendPool gives. If an address refuses or is unreachable, it tries the next address at once.
// If an address does not answer within 250 ms, it tries the next address in parallel. The first
// connection that is established wins (RFC 8305). It retries the failed addresses with backoff
// until the connect timeout, so that clients do not notice a backend's restart. Each pass uses the
// addresses that the resolver has when the pass begins. It skips addresses that have
// backend-max-tunnels tunnels. If nothing else is left, it waits until one has a place. Thread:
// loop.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "backend/connector_context.h"
#include "base/unique_fd.h"
#include "event/io_watcher.h"
#include "event/timer.h"
#include "net/dialer.h"

namespace culvert {

class Connector final : public Dialer, public ListNode<Connector> {
 public:
  /// How long to wait for an address before the next address is tried in parallel.
  static constexpr Millis kHeadStart{250};
  /// An address that has not answered for this long counts as silent, even if it is the only
  /// address. The time is longer than one second, because TCP retransmits a lost SYN after one
  /// second.
  static constexpr Millis kSilentAfter{1500};

  /// Backoff between two looks for a place at an address with backend-max-tunnels tunnels. Another
  /// worker may have returned one.
  static constexpr Millis kPlaceBackoff{200};

  /// An established connection.
  struct Dialled {
    UniqueFd fd;
    SocketAddress address;  ///< which has accepted the connection
    std::string host;       ///< the configured host of the address (BackendTarget::host())
    BackendHold hold;       ///< to be kept until the connection is closed
  };
  using MakeStream = std::function<std::unique_ptr<ByteStream>(Dialled made)>;

  /// `context` and `options` outlive the connector. `client` is the client's address.
  Connector(ConnectorContext& context, const ConnectorOptions& options, const SocketAddress& client,
            MakeStream makeStream);
  ~Connector() override;

  void dial(DialObserver& observer) override;

  /// True if the backend is down, and this connector has no attempt in progress or has waited for
  /// kHeadStart. Waiting longer would probably not help.
  bool mayGiveWay() const;
  /// Gives up at once and reports the last failure, to free a place for other tunnels.
  void giveWay();
  /// Call when a place at an address of `pool` has become free. Wakes the connector that has waited
  /// longest for such a place.
  static void placeFree(ConnectorContext& context, const BackendPool& pool);
  /// Tells the pool, the counters and the log that a tunnel has failed at `address`.
  static void blame(ConnectorContext& context, const ConnectorOptions& options,
                    const SocketAddress& address, std::string_view why);

 private:
  struct Attempt;

  template <class Step>
  void guarded(Step step);
  void beginPass();
  void startNext();
  bool start(const SocketAddress& address, BackendHold hold);
  void endOfPass();
  void setFull();
  void fail();
  void adopt(UniqueFd fd, const SocketAddress& address, BackendHold hold);
  std::string hostOf(const SocketAddress& address) const;
  void onWritable(Attempt& attempt);
  void onTimer();
  void runDue();

  bool expireAttempts(TimePoint now);
  void noteFailure(const SocketAddress& address, int sysErrno);
  void noteFailure(const Attempt& attempt, int sysErrno);
  void noteSilent(const Attempt& attempt, int sysErrno);
  void setFailure(const SocketAddress& address, int sysErrno);
  void blameOnce(const SocketAddress& address, int sysErrno);
  void refreshTargets();
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
  void placesReturned();
  void settleSpares();

  ConnectorContext& context_;
  const ConnectorOptions& options_;
  const uint64_t client_;  // hostKey() of the client; 0 unless the balance needs it
  MakeStream makeStream_;
  DialObserver* observer_ = nullptr;  // null before dial() and after the outcome

  AddressSet pass_;    // the addresses of the current pass
  size_t next_ = 0;    // index into pass_ of the address to try next
  size_t full_ = 0;    // how many addresses of the pass were skipped because they were full
  AddressSet blamed_;  // the addresses at which this tunnel has failed already
  std::array<std::unique_ptr<Attempt>, 4> attempts_;
  size_t spares_ = 0;     // descriptors taken from the host
  bool crowded_ = false;  // the next address waits for a spare descriptor
  Timer timer_;
  TimePoint began_{};
  TimePoint phaseDeadline_ = kNever;
  TimePoint nextStart_ = kNever;  // when to try the next address in parallel
  TimePoint retryAt_ = kNever;    // when the next pass begins
  Millis backoff_;
  bool awaitsPlace_ = false;  // the next pass begins earlier if a place becomes free
  bool stoodStill_ = false;   // phaseDeadline_ was postponed, because the process stood still
  std::optional<CloseReason> lastFailure_;
};

}  // namespace culvert
