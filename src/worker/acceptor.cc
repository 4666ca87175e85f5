// SPDX-License-Identifier: GPL-3.0-or-later
// See acceptor.h.
#include "worker/acceptor.h"

#include <algorithm>
#include <cerrno>
#include <future>

#include "base/thread.h"
#include "event/callback.h"
#include "net/socket_ops.h"
#include "process/privileges.h"

namespace culvert {
namespace {

// How many connections culvert accepts from one listener before it serves the others.
constexpr int kBurst = 64;

// culvert accepts in bursts if a listener's connections arrive less than kCloseTogether apart.
// Otherwise it accepts one connection per turn, because accept4() takes as long on an empty queue
// as for a connection (it creates the file first). If another connection waits, the event loop
// reports it at once.
constexpr Micros kCloseTogether{100};

// culvert tries again after this time, because no event reports the end of a shortage of
// descriptors or memory.
constexpr Millis kRetryAfterShortage{500};
constexpr Millis kRetryAfterFullWorkers{5};

// If places are scarce and a service's backend is down, culvert accepts at most reserve() /
// kPartsOfReserve connections from its listener. Then culvert pauses the listener. The clients of
// such a service fail anyway, so culvert does few handshakes for them.
constexpr Millis kListenerRest{100};
constexpr size_t kPartsOfReserve = 4;
// kBetweenRequests is the minimum time between two requests to make room, so that workers can
// react. kAskAgain is the time after which a request is repeated while no place is left.
constexpr Millis kBetweenRequests{5};
constexpr Millis kAskAgain{50};

// How many unsent bytes the kernel may buffer for a client. The limit is enough for a round trip of
// a fast link.
constexpr uint32_t kNotSentLowat = 128 * 1024;

/// Sets options once on the listening socket. Accepted sockets inherit the options, which saves six
/// system calls per connection.
void setClientOptions(int listener) {
  setTunnelSocketOptions(listener);
  setNotSentLowat(listener, kNotSentLowat);
}

}  // namespace

Acceptor::Listener::Listener(Acceptor& a, ListenerUpdate::Added added)
    : acceptor(a),
      id(added.id),
      fd(std::move(added.fd)),
      entrance(std::move(added.entrance)),
      watcher(a.loop_, fd.get(), this, call<&Listener::onReadable>, nullptr) {
  setClientOptions(fd.get());
}

Acceptor::Acceptor(Logger& logger, CounterBlock& counters, TunnelBudget& budget,
                   std::vector<Worker*> workers)
    : logger_(logger),
      counters_(counters),
      budget_(budget),
      workers_(std::move(workers)),
      postBox_(loop_, this, call<&Acceptor::onMail>),
      resumeTimer_(loop_, this, call<&Acceptor::resume>),
      restTimer_(loop_, this, call<&Acceptor::onRestOver>) {
  loop_.setEndOfTurn([this] { finishRetired(); });
}

Acceptor::~Acceptor() {
  if (thread_.joinable()) stop();
}

Result<void> Acceptor::start() {
  auto thread = startThread("culvert-accept", dropThreadCapabilities, [this] { loop_.run(); });
  if (!thread) return tl::unexpected(thread.error());
  thread_ = std::move(*thread);
  return {};
}

void Acceptor::apply(ListenerUpdate update) {
  std::promise<void> done;
  postBox_.post([&] {
    try {
      applyNow(update);
    } catch (const std::bad_alloc&) {
      logger_.log(LogLevel::kErr, "some listeners were not updated: out of memory");
    }
    done.set_value();
  });
  done.get_future().wait();
}

void Acceptor::stop() {
  postBox_.post([this] {
    // A wake-up may have come just before: acceptAll() accepts nobody while accepting is paused.
    if (resumeWanted_.exchange(false)) resume();
    for (auto& listener : listeners_) acceptAll(*listener);
    listeners_.clear();
    resumeTimer_.disarm();
    if (held_ && !place(*held_, Memory::kIgnore)) {
      logger_.tell(LogLevel::kWarning, [this] {
        return LogLine(LogLevel::kWarning, "connection dropped: every worker is full")
            .add("client", held_->peer.text());
      });
      budget_.giveBack();
    }
    held_.reset();
    loop_.stop();
  });
  if (thread_.joinable()) thread_.join();
}

void Acceptor::wake() noexcept {
  resumeWanted_.store(true);
  postBox_.wake();
}

void Acceptor::onMail() {
  postBox_.runControl();
  if (!resumeWanted_.exchange(false)) return;
  resume();
  endAwaiting();
}

void Acceptor::applyNow(ListenerUpdate& update) {
  for (auto& added : update.added) {
    listeners_.push_back(std::make_unique<Listener>(*this, std::move(added)));
    if (!paused_) watchForClients(*listeners_.back());
  }
  for (auto& listener : listeners_) {
    for (auto& changed : update.changed) {
      if (changed.id != listener->id) continue;
      // An accepted connection that waits for a worker also gets the new services.
      if (held_ && held_->entrance == listener->entrance) held_->entrance = changed.entrance;
      listener->entrance = std::move(changed.entrance);
    }
    if (std::find(update.removed.begin(), update.removed.end(), listener->id) ==
        update.removed.end())
      continue;
    listener->retiring = true;
    acceptAll(*listener);
  }
}

/// Accepts from the listen queue until the queue is empty or no place is left.
void Acceptor::acceptAll(Listener& listener) {
  while (!paused_ && acceptFrom(listener, Pace::kAll) == Burst::kMore) {
  }
}

/// Accepts one burst. The burst is small if places are scarce and the backend is down.
Acceptor::Burst Acceptor::acceptFrom(Listener& listener, Pace pace) {
  if (!listener.fd.valid()) return Burst::kEmpty;  // the listener was closed in this turn
  const bool slow = pace != Pace::kAll && budget_.scarce() && listener.entrance->down();
  int burst = 1;
  if (slow) {
    burst = static_cast<int>(std::max<size_t>(budget_.reserve() / kPartsOfReserve, 1));
  } else if (pace != Pace::kOne && loop_.now() - listener.lastAccept < kCloseTogether) {
    burst = kBurst;
  }
  const Burst result = acceptBurst(listener, burst);
  if (const size_t excess = budget_.excess(); excess != 0) makeRoom(excess);
  if (paused_) return result;
  if (result == Burst::kFull)
    awaitPlace(listener);
  else if (slow)
    rest(listener);
  return result;
}

Acceptor::Burst Acceptor::acceptBurst(Listener& listener, int burst) {
  const TimePoint now = loop_.now();
  for (int i = 0; i < burst; ++i) {
    if (budget_.full()) {
      budget_.beginWaiting();
      if (budget_.full()) {
        pause("max-tunnels is reached");
        resumeTimer_.armBy(now + kAskAgain);
        return Burst::kPaused;
      }
    }
    LimitHold placed;
    if (TunnelLimits* limits = listener.entrance->limits()) {
      placed = limits->takePlace();
      if (!placed) return Burst::kFull;
    }
    AcceptResult accepted = acceptOne(listener.fd.get());
    if (!accepted.fd.valid()) {
      if (accepted.error == EAGAIN || accepted.error == EWOULDBLOCK) {
        if (listener.retiring) {
          listener.watcher.watch(false, false);
          listener.fd.reset();  // finishRetired() removes the listener at the end of the turn
        }
        return Burst::kEmpty;
      }
      if (acceptErrorIsTransient(accepted.error)) continue;
      onAcceptError(accepted.error);
      return Burst::kPaused;
    }
    shortageTold_ = false;
    counters_.add(Counter::kAccepted);
    budget_.take();
    listener.lastAccept = now;
    AcceptedConn conn{std::move(accepted.fd), accepted.peer, listener.entrance, now,
                      std::move(placed)};
    if (!place(conn)) {
      held_ = std::move(conn);
      pause(memoryFull() ? "memory-limit is reached" : "every worker is full");
      waitForWorkers();
      return Burst::kPaused;
    }
  }
  return Burst::kMore;
}

/// Asks the workers to close tunnels that wait for a backend that is down.
void Acceptor::makeRoom(size_t places) {
  if (loop_.now() - askedForRoom_ < kBetweenRequests) return;
  const bool useful = std::any_of(listeners_.begin(), listeners_.end(),
                                  [](const auto& listener) { return listener->entrance->down(); });
  if (!useful) return;
  askedForRoom_ = loop_.now();
  budget_.ask(places);
  // If memory runs out here, a later request makes room.
  loop_.guard([this] {
    for (Worker* worker : workers_) worker->makeRoom();
  });
}

/// Stops watching a listener whose service has reached its max-tunnels, until a tunnel of the
/// service ends.
void Acceptor::awaitPlace(Listener& listener) {
  TunnelLimits* limits = listener.entrance->limits();
  listener.awaitsPlace = true;
  listener.watcher.watch(false, false);
  limits->setWake([this] { wake(); });
  limits->beginWaiting();
  if (!limits->full()) wake();  // a place was returned just before
}

/// Accepts again from the listeners whose service has a free place.
void Acceptor::endAwaiting() {
  for (size_t i = 0; i < listeners_.size() && !paused_; ++i) {
    Listener& listener = *listeners_[i];
    if (!listener.awaitsPlace) continue;
    TunnelLimits* limits = listener.entrance->limits();
    if (limits != nullptr && limits->full()) {
      limits->beginWaiting();
      if (limits->full()) continue;
    }
    listener.awaitsPlace = false;
    if (listener.retiring) acceptAll(listener);
    if (mayAccept(listener) && !watchForClients(listener)) return;
  }
}

void Acceptor::rest(Listener& listener) {
  listener.restsUntil = loop_.now() + kListenerRest;
  listener.watcher.watch(false, false);
  restTimer_.armBy(listener.restsUntil);
}

void Acceptor::onRestOver() {
  for (auto& listener : listeners_) {
    if (listener->restsUntil == TimePoint{}) continue;
    if (loop_.now() < listener->restsUntil) {
      restTimer_.armBy(listener->restsUntil);
      continue;
    }
    listener->restsUntil = {};
    if (!paused_ && mayAccept(*listener) && !watchForClients(*listener)) return;
  }
}

/// Arranges another try, because no worker takes the connection that waits.
void Acceptor::waitForWorkers() {
  budget_.beginWaiting();  // a worker that leaves the limit of its memory then wakes the acceptor
  resumeTimer_.armBy(loop_.now() + (memoryFull() ? kAskAgain : kRetryAfterFullWorkers));
}

bool Acceptor::memoryFull() const {
  return std::all_of(workers_.begin(), workers_.end(),
                     [](const Worker* worker) { return worker->atMemoryLimit(); });
}

bool Acceptor::place(AcceptedConn& conn, Memory memory) {
  const size_t first =
      placement_.pick(workers_.size(), [this](size_t i) { return workers_[i]->load(); });
  for (size_t i = 0; i < workers_.size(); ++i) {
    Worker& worker = *workers_[(first + i) % workers_.size()];
    if (memory == Memory::kRespect && worker.atMemoryLimit()) continue;
    if (worker.offer(conn)) return true;
    counters_.add(Counter::kMailboxFull);
  }
  return false;
}

void Acceptor::onAcceptError(int error) {
  counters_.add(Counter::kAcceptErrors);
  if (error == EMFILE || error == ENFILE) counters_.add(Counter::kAcceptFdExhausted);
  shortage("accept() failed", error);
}

void Acceptor::shortage(const char* what, int error) {
  if (!shortageTold_) {
    logger_.tell(LogLevel::kWarning, [&] {
      return LogLine(LogLevel::kWarning, std::string("accepting paused: ") + what)
          .add("error", errnoText(error));
    });
  }
  shortageTold_ = true;
  pause(nullptr);
  budget_.beginWaiting();  // a tunnel that closes frees descriptors and then wakes the acceptor
  makeRoom(std::max<size_t>(budget_.reserve(), 1));
  resumeTimer_.armBy(loop_.now() + kRetryAfterShortage);
}

/// Pauses accepting and logs the reason `why`. If `why` is nullptr, the caller has logged the
/// reason.
void Acceptor::pause(const char* why) {
  if (paused_) return;
  paused_ = true;
  counters_.add(Counter::kAcceptPaused);
  for (auto& listener : listeners_) listener->watcher.watch(false, false);
  if (why == nullptr) return;
  logger_.tell(LogLevel::kNotice, [&] {
    return LogLine(LogLevel::kNotice, "accepting paused")
        .add("reason", why)
        .add("tunnels", budget_.open())
        .collapseBy("accept-pause");
  });
}

void Acceptor::resume() {
  if (!paused_) return;
  if (held_) {
    if (!place(*held_)) return waitForWorkers();
    held_.reset();
  }
  if (budget_.full()) {
    budget_.beginWaiting();
    if (budget_.full()) {
      makeRoom(budget_.excess());
      return resumeTimer_.armBy(loop_.now() + kAskAgain);
    }
  }
  paused_ = false;
  resumeTimer_.disarm();
  counters_.add(Counter::kAcceptResumed);
  if (!shortageTold_)
    logger_.tell(LogLevel::kNotice, [] {
      return LogLine(LogLevel::kNotice, "accepting resumed").collapseBy("accept-resume");
    });
  // Give the free places to the waiting listeners in turn, because the event loop would always
  // begin with the same listener.
  const size_t count = listeners_.size();
  for (size_t i = 0; i < count; ++i) {
    Listener& listener = *listeners_[turn_ % count];
    ++turn_;
    if (listener.retiring) {
      acceptAll(listener);  // closes the listener, because it was removed during the pause
    } else if (mayAccept(listener)) {
      acceptFrom(listener, Pace::kOne);
    }
    if (paused_) return;  // no place is left
  }
  for (auto& listener : listeners_) {
    if (mayAccept(*listener) && !watchForClients(*listener)) return;
  }
}

/// Starts watching a listener. If watching fails, pauses accepting, as after a shortage of
/// descriptors. Returns true if the listener is watched.
bool Acceptor::watchForClients(Listener& listener) {
  if (listener.watcher.watch(true, false)) return true;
  shortage("a listener cannot be watched", errno);
  return false;
}

void Acceptor::finishRetired() {
  std::erase_if(listeners_, [this](const auto& listener) {
    if (listener->fd.valid()) return false;
    // If memory runs out, the file of a UNIX socket stays. The next start of culvert replaces the
    // file.
    if (onClosed_) loop_.guard([&] { onClosed_(listener->id); });
    return true;
  });
}

}  // namespace culvert
