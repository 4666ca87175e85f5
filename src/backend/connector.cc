// SPDX-License-Identifier: GPL-3.0-or-later
// See connector.h.
#include "backend/connector.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <new>

#include "event/callback.h"
#include "net/socket_ops.h"

namespace culvert {
namespace {

constexpr Millis kFirstBackoff{50};
constexpr Millis kLastBackoff{1000};
// Without connect-timeout, an attempt may keep its descriptor for this long while later addresses
// wait for a descriptor.
constexpr Millis kShareWithoutLimit{5000};

/// True for a local shortage of resources, which is not the backend's fault.
bool ownShortage(int sysErrno) {
  switch (sysErrno) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EADDRNOTAVAIL:  // no local port or no local address is left
      return true;
    default:
      return false;
  }
}

CloseCause causeOf(int sysErrno) {
  if (ownShortage(sysErrno)) return CloseCause::kInternal;
  switch (sysErrno) {
    case ECONNREFUSED:
    case ENOENT:  // the UNIX socket's file does not exist, so no server listens
      return CloseCause::kBackendRefused;
    case ETIMEDOUT:
      return CloseCause::kBackendTimeout;
    case ECONNRESET:
      return CloseCause::kBackendReset;
    default:
      return CloseCause::kBackendUnreachable;
  }
}

}  // namespace

/// A connection that is being established.
struct Connector::Attempt {
  Attempt(Connector& c, SocketAddress to, BackendHold place, UniqueFd socket, TimePoint now)
      : owner(c),
        address(std::move(to)),
        hold(std::move(place)),
        fd(std::move(socket)),
        watcher(c.context_.loop, fd.get(), this, nullptr, call<&Attempt::onWritable>),
        started(now) {}

  void onWritable() {
    owner.guarded([this] { owner.onWritable(*this); });
  }

  Connector& owner;
  SocketAddress address;
  BackendHold hold;  // before fd: the descriptor is closed first
  UniqueFd fd;
  IoWatcher watcher;  // after fd
  TimePoint started;
  TimePoint share = kNever;  // see shareOf()
  bool silent = false;       // the pool has recorded the silence
};

Connector::Connector(ConnectorContext& context, const ConnectorOptions& options,
                     const SocketAddress& client, MakeStream makeStream)
    : context_(context),
      options_(options),
      client_(options.pool->options().balance == Balance::kSourceHash ? hostKey(client) : 0),
      makeStream_(std::move(makeStream)),
      timer_(context.loop, this, call<&Connector::onTimer>),
      backoff_(kFirstBackoff) {}

Connector::~Connector() { dropAll(); }

void Connector::dial(DialObserver& observer) {
  observer_ = &observer;
  context_.waiting.pushBack(*this);
  began_ = context_.loop.now();
  phaseDeadline_ = deadlineAfter(began_, options_.connectTimeout);
  guarded([this] { beginPass(); });
}

/// Runs `step`. If memory runs out, only this tunnel fails.
template <class Step>
void Connector::guarded(Step step) {
  if (observer_ == nullptr) return;
  try {
    step();
  } catch (const std::bad_alloc&) {
    context_.loop.noteMemoryShortage();
    if (observer_ == nullptr) return;
    lastFailure_ = {CloseCause::kInternal, "", "out of memory"};
    fail();
  }
}

void Connector::beginPass() {
  next_ = 0;
  full_ = 0;
  retryAt_ = kNever;
  awaitsPlace_ = false;
  for (BackendTarget* target : options_.pool->plan(pass_, client_, context_.loop.now())) {
    lastFailure_ = {CloseCause::kBackendUnreachable, "",
                    fmt::format("{} has not been resolved", target->text())};
    target->refreshSoon();
  }
  if (pass_.empty()) options_.pool->unresolved();
  startNext();
}

/// Starts attempts at the next addresses until an attempt is in progress.
void Connector::startNext() {
  const TimePoint now = context_.loop.now();
  nextStart_ = kNever;
  crowded_ = false;
  while (next_ < pass_.size()) {
    if (trying(pass_[next_])) {
      ++next_;
      continue;
    }
    auto hold = options_.pool->take(pass_[next_]);
    if (!hold) {
      ++full_;
      ++next_;
      continue;
    }
    crowded_ = !roomForAnother();
    if (crowded_) {
      nextStart_ = now + kHeadStart;
      break;
    }
    const bool waits = start(pass_[next_++], std::move(*hold));
    if (observer_ == nullptr) return;
    settleSpares();
    if (!waits) continue;
    if (next_ < pass_.size()) nextStart_ = now + kHeadStart;
    break;
  }
  if (next_ == pass_.size()) endOfPass();
  if (observer_ != nullptr) arm();
}

/// Starts an attempt. Returns true if the attempt is in progress, false if it failed or connected
/// at once.
bool Connector::start(const SocketAddress& address, BackendHold hold) {
  ConnectStart begun = startConnect(address);
  if (begun.connected) {
    adopt(std::move(begun.fd), address, std::move(hold));
    return false;
  }
  if (!begun.fd.valid()) {
    noteFailure(address, begun.error);
    return false;
  }
  const TimePoint now = context_.loop.now();
  auto attempt =
      std::make_unique<Attempt>(*this, address, std::move(hold), std::move(begun.fd), now);
  if (!attempt->watcher.watch(false, true)) {
    noteFailure(address, ENOMEM);
    return false;
  }
  attempt->share = shareOf(now);
  *std::find(attempts_.begin(), attempts_.end(), nullptr) = std::move(attempt);
  return true;
}

/// Returns when an attempt that begins now has to give up its descriptor, if later addresses wait
/// for a descriptor then. Each remaining address gets an equal share of the time that is left.
TimePoint Connector::shareOf(TimePoint now) const {
  const auto waiting = static_cast<int64_t>(pass_.size() - next_ + 1);
  if (phaseDeadline_ != kNever) return now + (phaseDeadline_ - now) / waiting;
  return waiting > 1 ? now + kShareWithoutLimit : kNever;
}

/// Records the failure of an address that failed at once.
void Connector::noteFailure(const SocketAddress& address, int sysErrno) {
  setFailure(address, sysErrno);
  if (ownShortage(sysErrno)) return;  // trying another address would not help
  tell(options_.pool->connectFailed(address, sysErrno, pass_, context_.loop.now()));
  blameOnce(address, sysErrno);
  refreshTargets();
}

void Connector::refreshTargets() {
  for (const PoolTarget& one : options_.pool->targets()) one.target->refreshSoon();
}

/// Records the failure of an attempt. If the attempt failed only after kHeadStart, its address
/// counts as silent, because a router may report an unreachable host only after seconds.
void Connector::noteFailure(const Attempt& attempt, int sysErrno) {
  if (ownShortage(sysErrno) || context_.loop.now() - attempt.started < kHeadStart)
    return noteFailure(attempt.address, sysErrno);
  setFailure(attempt.address, sysErrno);
  noteSilent(attempt, sysErrno);
  refreshTargets();
}

void Connector::setFailure(const SocketAddress& address, int sysErrno) {
  context_.counters.add(Counter::kBackendConnectsFailed);
  lastFailure_ = {causeOf(sysErrno), "",
                  fmt::format("{}: {}", address.text(), errnoText(sysErrno))};
}

void Connector::noteSilent(const Attempt& attempt, int sysErrno) {
  const TimePoint now = context_.loop.now();
  const auto waited = std::chrono::duration_cast<Millis>(now - attempt.started);
  tell(options_.pool->connectSilent(attempt.address, sysErrno, waited, pass_, now));
  blameOnce(attempt.address, sysErrno);
}

/// Counts a failed tunnel at `address`, however often this tunnel tries the address.
void Connector::blameOnce(const SocketAddress& address, int sysErrno) {
  if (options_.pool->options().ejection.failures == 0) return;
  if (std::find(blamed_.begin(), blamed_.end(), address) != blamed_.end()) return;
  blamed_.push_back(address);
  blame(context_, options_, address, errnoText(sysErrno));
}

void Connector::blame(ConnectorContext& context, const ConnectorOptions& options,
                      const SocketAddress& address, std::string_view why) {
  const auto verdict = options.pool->tunnelFailed(address, why, context.loop.now());
  if (verdict.ejected) context.counters.add(Counter::kBackendEjections);
  for (const PoolNews& news : verdict.news) context.host.onPoolNews(options, news);
}

void Connector::tell(const MaybeNews& news) {
  if (news) context_.host.onBackendNews(options_, *news);
}

/// Called when each address of the pass has failed or is in progress. Schedules the next pass or
/// gives up.
void Connector::endOfPass() {
  const size_t waiting = inFlight();
  const bool again = options_.retry || full_ != 0;
  if (full_ != 0) setFull();
  if (waiting == 0 && (!again || context_.loop.now() >= phaseDeadline_)) return fail();
  if (!again || retryAt_ != kNever) return;
  if (waiting != 0 && waiting == pass_.size()) return;  // no address has failed
  if (context_.host.placesScarce() && mayGiveWay()) return giveWay();
  awaitsPlace_ = full_ != 0;
  if (!awaitsPlace_) context_.counters.add(Counter::kBackendConnectsRetried);
  const Millis pause = awaitsPlace_ ? std::min(backoff_, kPlaceBackoff) : backoff_;
  retryAt_ = std::min(context_.loop.now() + pause, phaseDeadline_);
  backoff_ = std::min(backoff_ * 2, kLastBackoff);
}

/// Explains that the tunnel waits for a place, and what else has failed in this pass.
void Connector::setFull() {
  std::string other;
  if (lastFailure_ && lastFailure_->cause != CloseCause::kLimit)
    other = "; " + lastFailure_->detail;
  lastFailure_ = {CloseCause::kLimit, "backend-max-tunnels",
                  fmt::format("{} of {} addresses have {} open tunnels{}", full_, pass_.size(),
                              options_.pool->options().maxTunnels, other)};
}

void Connector::placeFree(ConnectorContext& context, const BackendPool& pool) {
  bool found = false;
  context.waiting.forEach([&](Connector& connector) {
    if (found || !connector.awaitsPlace_ || !connector.options_.pool->countsWith(pool)) return;
    found = true;
    connector.awaitsPlace_ = false;  // the next free place is another connector's
    connector.retryAt_ = context.loop.now();
    connector.arm();
  });
}

/// An attempt in progress gets kHeadStart first, because the backend's host may be up again.
bool Connector::mayGiveWay() const {
  if (observer_ == nullptr || !options_.pool->down()) return false;
  return inFlight() == 0 || context_.loop.now() - began_ >= kHeadStart;
}

void Connector::giveWay() {
  guarded([this] {
    context_.counters.add(Counter::kTunnelsGaveWay);
    for (const auto& attempt : attempts_) {
      if (attempt && !lastFailure_)
        lastFailure_ = {causeOf(ETIMEDOUT), "", attempt->address.text() + ": no answer"};
    }
    if (!lastFailure_) lastFailure_.emplace();
    lastFailure_->detail += "; gave way to other connections: max-tunnels is nearly reached";
    fail();
  });
}

/// Finishes the dial with the established connection `fd`. `address` may belong to pass_ or to an
/// attempt, so copy it first.
void Connector::adopt(UniqueFd fd, const SocketAddress& address, BackendHold hold) {
  const SocketAddress winner = address;
  const TimePoint now = context_.loop.now();
  for (const auto& attempt : attempts_) {
    if (!attempt || attempt->address == winner || now - attempt->started < kHeadStart) continue;
    context_.counters.add(Counter::kBackendConnectsFailed);
    noteSilent(*attempt, ETIMEDOUT);
  }
  dropAll();
  unlink();
  timer_.disarm();
  tell(options_.pool->connected(winner, now));
  if (!winner.isUnix()) setTunnelSocketOptions(fd.get());
  auto stream = makeStream_({std::move(fd), winner, hostOf(winner), std::move(hold)});
  DialObserver* observer = std::exchange(observer_, nullptr);
  observer->onDialed(std::move(stream), winner);
}

/// Returns the host of the first target that has the address. If the look-up has changed meanwhile,
/// returns the address itself.
std::string Connector::hostOf(const SocketAddress& address) const {
  const auto& targets = options_.pool->targets();
  for (const PoolTarget& one : targets) {
    const auto addresses = one.target->addresses();
    if (std::find(addresses->begin(), addresses->end(), address) != addresses->end())
      return one.target->host();
  }
  return targets.size() == 1 ? targets.front().target->host() : address.hostText();
}

void Connector::fail() {
  dropAll();
  unlink();
  timer_.disarm();
  DialObserver* observer = std::exchange(observer_, nullptr);
  observer->onDialFailed(lastFailure_ ? std::move(*lastFailure_) : CloseReason{});
}

void Connector::onWritable(Attempt& attempt) {
  const int error = connectResult(attempt.fd.get());
  attempt.watcher.watch(false, false);
  if (error == 0) return adopt(std::move(attempt.fd), attempt.address, std::move(attempt.hold));
  noteFailure(attempt, error);
  drop(attempt);
  startNext();
}

void Connector::onTimer() {
  guarded([this] { runDue(); });
}

void Connector::runDue() {
  const TimePoint now = context_.loop.now();
  catchUp(now);
  if (observer_ == nullptr) return;
  const bool ended = expireAttempts(now);
  if (now >= phaseDeadline_) return fail();
  if (context_.host.placesScarce() && mayGiveWay()) return giveWay();
  if (now >= retryAt_) return beginPass();
  if (ended || now >= nextStart_) return startNext();
  arm();
}

/// If the process stood still (stopped, or the machine suspended), connections may be established
/// that the loop has not reported yet. culvert checks for such connections first. It also postpones
/// phaseDeadline_ once, by the length of the standstill.
void Connector::catchUp(TimePoint now) {
  const auto late = standstill(nextDue(), now, options_.connectTimeout);
  if (late.count() == 0) return;
  if (!std::exchange(stoodStill_, true)) phaseDeadline_ = std::max(phaseDeadline_, now + late);
  for (auto& attempt : attempts_) {
    if (attempt && canWrite(attempt->fd.get())) onWritable(*attempt);
    if (observer_ == nullptr) return;
  }
}

/// Drops attempts whose time is over. Returns true if an attempt expired.
bool Connector::expireAttempts(TimePoint now) {
  const bool allOver = now >= phaseDeadline_;
  Attempt* oldest = nullptr;
  for (auto& attempt : attempts_) {
    if (!attempt) continue;
    if (allOver) {
      noteFailure(*attempt, ETIMEDOUT);
      drop(*attempt);
      continue;
    }
    if (!attempt->silent && now >= attempt->started + kSilentAfter) {
      attempt->silent = true;
      noteSilent(*attempt, ETIMEDOUT);
    }
    if (oldest == nullptr || attempt->share < oldest->share) oldest = attempt.get();
  }
  if (!crowded_ || oldest == nullptr || now < oldest->share) return allOver;
  noteFailure(*oldest, ETIMEDOUT);
  drop(*oldest);
  return true;
}

TimePoint Connector::nextDue() const {
  TimePoint next = std::min({phaseDeadline_, nextStart_, retryAt_});
  for (const auto& attempt : attempts_) {
    if (!attempt) continue;
    if (crowded_) next = std::min(next, attempt->share);
    if (!attempt->silent) next = std::min(next, attempt->started + kSilentAfter);
  }
  return next;
}

void Connector::arm() { timer_.armBy(nextDue()); }

size_t Connector::inFlight() const {
  return static_cast<size_t>(std::count_if(attempts_.begin(), attempts_.end(),
                                           [](const auto& attempt) { return attempt != nullptr; }));
}

bool Connector::trying(const SocketAddress& address) const {
  return std::any_of(attempts_.begin(), attempts_.end(),
                     [&](const auto& attempt) { return attempt && attempt->address == address; });
}

/// Returns true if another attempt may start. The first attempt uses the tunnel's own descriptor;
/// each further attempt takes a spare descriptor.
bool Connector::roomForAnother() {
  const size_t now = inFlight();
  if (now == 0) return true;
  if (now == attempts_.size() || !context_.host.takeSpareDescriptor()) return false;
  ++spares_;
  return true;
}

/// Gives back the spare descriptors that the attempts in progress do not need.
void Connector::settleSpares() {
  const size_t needed = std::max<size_t>(inFlight(), 1) - 1;
  for (; spares_ > needed; --spares_) context_.host.giveSpareDescriptor();
}

void Connector::drop(Attempt& attempt) {
  for (auto& mine : attempts_)
    if (mine.get() == &attempt) mine.reset();
  settleSpares();
  placesReturned();
}

void Connector::dropAll() {
  const bool any = inFlight() != 0;
  for (auto& attempt : attempts_) attempt.reset();
  settleSpares();
  if (any) placesReturned();
}

/// Lets another connector have the place of an attempt that is over.
void Connector::placesReturned() {
  if (options_.pool->options().maxTunnels != 0) placeFree(context_, *options_.pool);
}

}  // namespace culvert
