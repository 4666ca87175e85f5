// SPDX-License-Identifier: GPL-3.0-or-later
// Connector reaches one backend: every address of every target, in the order that BackendMemory
// gives. Refused or unreachable ones are left at once for the next. While one does not answer, the
// next is started beside it after 250 ms, and the first to answer is taken (RFC 8305). What failed
// is tried again with backoff until the connect timeout, so that a client survives a backend's
// restart. Names are taken as the resolver has them at each pass. Thread: loop.
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

/// Frozen; one per service, shared by its connectors.
struct ConnectorOptions {
  std::string service;  ///< for the log
  std::vector<std::shared_ptr<BackendTarget>> targets;
  std::shared_ptr<BackendMemory> memory = std::make_shared<BackendMemory>();
  Millis connectTimeout{10000};  ///< for the whole phase; 0 = no limit
  bool retry = true;             ///< false: fail after the first pass
};

/// Whoever runs the loop, as far as its connectors need it.
class ConnectorHost {
 public:
  /// A backend address has failed or answers again: to be logged.
  virtual void onBackendNews(const ConnectorOptions& options, const AddressNews& news) = 0;
  /// Each connector has one descriptor without asking. False: there is none for a second attempt.
  virtual bool takeSpareDescriptor() = 0;
  virtual void giveSpareDescriptor() = 0;
  /// Few tunnels more can be had: who waits for a backend that is down keeps others out.
  virtual bool placesScarce() const = 0;

 protected:
  ~ConnectorHost() = default;
};

class Connector;

/// What the connectors of one loop share; outlives them.
struct ConnectorContext {
  EventLoop& loop;
  CounterBlock& counters;
  ConnectorHost& host;
  IntrusiveList<Connector> waiting{};  ///< those between dial() and outcome, the oldest first
};

class Connector final : public Dialer, public ListNode<Connector> {
 public:
  /// When the next address is started beside one that has not answered.
  static constexpr Millis kHeadStart{250};
  /// When an address counts as silent although no other is there. One lost SYN is sent again after
  /// a second.
  static constexpr Millis kSilentAfter{1500};

  /// `context` and `options` outlive the connector. `preface` is called once a connection stands
  /// (the PROXY header).
  Connector(ConnectorContext& context, const ConnectorOptions& options,
            std::function<std::string()> preface);
  ~Connector() override;

  void dial(DialObserver& observer) override;

  /// No address of the service answers, and none is about to: the wait may well be for nothing.
  bool mayGiveWay() const;
  /// Ends at once with the failure that there was, for want of places.
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
  std::function<std::string()> preface_;
  DialObserver* observer_ = nullptr;  // null before dial() and after the outcome

  AddressSet pass_;  // the addresses of this pass
  size_t next_ = 0;  // index into pass_ of the next attempt
  std::array<std::unique_ptr<Attempt>, 4> attempts_;
  size_t spares_ = 0;     // descriptors taken from the host
  bool crowded_ = false;  // the next address waits for one of them
  Timer timer_;
  TimePoint began_{};
  TimePoint phaseDeadline_ = kNever;
  TimePoint nextStart_ = kNever;  // of the next address beside those in flight
  TimePoint retryAt_ = kNever;    // of the next pass
  Millis backoff_;
  bool stoodStill_ = false;  // and the limit was moved for it
  std::optional<CloseReason> lastFailure_;
};

}  // namespace culvert
