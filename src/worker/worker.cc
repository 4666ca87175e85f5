// SPDX-License-Identifier: GPL-3.0-or-later
// See worker.h.
#include "worker/worker.h"

#include <fmt/format.h>

#include <utility>

#include "base/thread.h"
#include "event/callback.h"
#include "process/privileges.h"
#include "worker/backend_report.h"
#include "worker/close_line.h"

namespace culvert {
namespace {

// How many connections may wait in a worker's mailbox. The number is larger than a burst of the
// acceptor, but small enough that each connection is served soon.
constexpr size_t kMailboxCapacity = 1024;

const char* memoryMessage(MemoryLevel level) {
  switch (level) {
    case MemoryLevel::kFull:
      return "memory-limit is reached: the worker takes no new connections";
    case MemoryLevel::kTight:
      return "memory-limit is near: tunnels of the worker hold one record in each direction";
    case MemoryLevel::kAmple:
      break;
  }
  return "memory-limit is no longer near: tunnels of the worker read as usual";
}

}  // namespace

Worker::Worker(unsigned index, const WorkerShared& shared, CounterBlock& counters)
    : SessionOwner(loop_, shared.logger, counters, connectors_, tls_, index),
      name_(fmt::format("culvert-w{:02}", index)),
      shared_(shared),
      counters_(counters),
      tls_(loop_, pool_, counters, shared.ticketKeys),
      handshakes_(loop_, counters),
      tunnelContext_{loop_, pool_, counters, handshakes_},
      connectors_{loop_, counters, *this},
      mailbox_(loop_, kMailboxCapacity, this, call<&Worker::onMail>),
      tunnels_(loop_),
      review_(loop_, shared.logger, tunnels_),
      tasks_(loop_, tunnels_, name_) {
  handshakes_.setArrivals(*this);
  tls_.gates.setProcessRate(shared.handshakeRate);
  loop_.setEndOfTurn([this] { endOfTurn(); });
}

Worker::~Worker() {
  if (thread_.joinable()) stop(CloseCause::kDrain);
  while (!inspectors_.empty()) delete &inspectors_.popFront();
}

Result<void> Worker::start() {
  auto thread = startThread(name_.c_str(), dropThreadCapabilities, [this] { loop_.run(); });
  if (!thread) return tl::unexpected(thread.error());
  thread_ = std::move(*thread);
  return {};
}

void Worker::stop(CloseCause cause) {
  mailbox_.close();
  mailbox_.post([this, cause] {
    closeAll({cause});
    loop_.stop();
  });
  thread_.join();
}

bool Worker::offer(AcceptedConn& conn) {
  load_.fetch_add(1, std::memory_order_relaxed);
  if (mailbox_.offer(conn)) return true;
  load_.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

void Worker::drain(std::function<void()> onEmpty) {
  if (drains_) return;
  onEmpty_ = std::move(onEmpty);
  mailbox_.post([this] { reportsEmpty_ = true; });
  drains_ = true;
}

void Worker::cutAll(CloseCause cause) {
  mailbox_.post([this, cause] { closeAll({cause}); });
}

/// Every connection that was accepted before the change of trust is in the mailbox or is a tunnel
/// already. So both the mailbox and the tunnels are reviewed.
void Worker::reviewTrust(std::shared_ptr<const TrustReview::Services> services) {
  mailbox_.post([this, services = std::move(services)] {
    review_.begin(*services);
    mailbox_.forEachItem(
        [&services](AcceptedConn& conn) { TrustReview::renew(conn.entrance, *services); });
    inspectors_.forEach([&services](Inspector& inspector) { inspector.renew(*services); });
  });
}

void Worker::dropUnusedContexts() {
  mailbox_.post([this] {
    tls_.contexts.dropUnused();
    tls_.sessions.dropUnused();
  });
}

void Worker::trimPool() {
  mailbox_.post([this] { pool_.trim(); });
}

void Worker::setMemoryShare(size_t bytes) {
  mailbox_.post([this, bytes] { pool_.setMemoryLimit(bytes); });
}

void Worker::listTunnels(TunnelQuery query, TunnelsListed done) {
  mailbox_.post([this, query = std::move(query), done = std::move(done)]() mutable {
    tasks_.list(std::move(query), std::move(done));
  });
}

void Worker::closeTunnels(TunnelQuery query, TunnelsClosed done) {
  mailbox_.post([this, query = std::move(query), done = std::move(done)]() mutable {
    tasks_.close(std::move(query), std::move(done));
  });
}

void Worker::makeRoom() {
  mailbox_.post([this] {
    connectors_.waiting.forEach([this](Connector& connector) {
      if (connector.mayGiveWay() && shared_.budget.takeAsked()) connector.giveWay();
    });
  });
}

void Worker::onMail() {
  handshakes_.arrivalsWait();
  mailbox_.runControl();
}

bool Worker::startNext() {
  if (pool_.memory().level() == MemoryLevel::kFull) {
    arrivalsPostponed_ = true;  // tellMemory() announces them again
    return false;
  }
  auto conn = mailbox_.takeItem();
  if (!conn) return false;
  if (Tunnel* tunnel = adopt(std::move(*conn))) tunnel->start();
  return true;
}

/// Closes all tunnels. First makes tunnels of the connections in the mailbox, so that each
/// connection gets a log line.
void Worker::closeAll(const CloseReason& reason) {
  while (auto conn = mailbox_.takeItem()) adopt(std::move(*conn));
  while (!inspectors_.empty()) inspectors_.front().close(reason);
  tunnels_.closeAll(reason);
}

/// Makes a tunnel of a connection and returns it. If the first bytes have to choose the service,
/// makes an Inspector and returns nullptr.
Tunnel* Worker::adopt(AcceptedConn conn) {
  if (!conn.entrance->immediate()) {
    inspect(std::move(conn));
    return nullptr;
  }
  return begin(Arrival{.fd = std::move(conn.fd),
                       .peer = conn.peer,
                       .origin = nullptr,
                       .early = {},
                       .service = conn.entrance->services.front(),
                       .accepted = conn.accepted,
                       .place = std::move(conn.place)},
               nullptr);
}

void Worker::inspect(AcceptedConn conn) {
  try {
    InspectorHost& host = *this;
    auto made = std::make_unique<Inspector>(*this, host, std::move(conn));
    Inspector& inspector = *made.release();
    inspectors_.pushBack(inspector);
    inspector.start();
  } catch (const std::bad_alloc&) {
    conn.fd.reset();
    dropped();
  }
}

void Worker::onServiceChosen(Inspector& inspector, Arrival arrival,
                             std::unique_ptr<OpeningStream> opening) {
  drop(inspector);
  if (Tunnel* tunnel = begin(std::move(arrival), std::move(opening))) tunnel->start();
}

void Worker::onRefused(Inspector& inspector) { drop(inspector); }

/// Closes the Inspector's socket, if it still has one, at the end of the turn.
void Worker::drop(Inspector& inspector) {
  inspector.unlink();
  loop_.deleteLater(std::unique_ptr<Inspector>(&inspector));
}

/// Called if memory ran out: culvert drops only this connection.
void Worker::dropped() {
  onSessionGone();
  loop_.noteMemoryShortage();
  logger.log(LogLevel::kErr, "connection dropped: out of memory");
}

/// Makes a tunnel of a connection whose service is known. `opening` is its stream if the dialog
/// before TLS was done already. Returns nullptr if the connection was closed.
Tunnel* Worker::begin(Arrival arrival, std::unique_ptr<OpeningStream> opening) {
  bool counted = false;                    // if true, the session's destructor calls
                                           // onSessionGone()
  std::unique_ptr<ClientSession> session;  // destroyed after the stream, as in a tunnel
  ClientStream end;
  if (opening != nullptr) end = clientStreamOf(std::move(opening));
  try {
    TunnelHolds holds;
    if (!mayEnter(arrival, end, holds)) return nullptr;
    const SocketAddress client = arrival.client();
    if (end.stream == nullptr)
      end =
          makeClientStream(tls_, std::move(arrival.fd), std::move(arrival.early), *arrival.service);
    const auto& profile = arrival.service->profile;
    session = std::make_unique<ClientSession>(*this, arrival.service, client,
                                              std::move(arrival.origin), end, std::move(holds));
    counted = true;
    const uint64_t id = shared_.nextTunnelId.fetch_add(1, std::memory_order_relaxed);
    return &tunnels_.add(std::make_unique<Tunnel>(tunnelContext_, profile->tunnel,
                                                  std::move(session), id, std::move(end.stream),
                                                  arrival.accepted));
  } catch (const std::bad_alloc&) {
    close(arrival, end);
    if (counted) {
      loop_.noteMemoryShortage();
      logger.log(LogLevel::kErr, "connection dropped: out of memory");
    } else {
      dropped();
    }
    return nullptr;
  }
}

/// Closes a connection that gets no tunnel. A stream that has run a dialog may be in its own
/// callback, so it is destroyed at the end of the turn.
void Worker::close(Arrival& arrival, ClientStream& end) {
  arrival.fd.reset();
  if (end.opening != nullptr)
    loop_.deleteLater(std::move(end.stream));
  else
    end.stream.reset();
}

/// Takes the holds of a tunnel. If culvert refuses the client, closes the connection, logs why and
/// returns false.
bool Worker::mayEnter(Arrival& arrival, ClientStream& end, TunnelHolds& holds) {
  ServiceCell* cell = cellOf(arrival.service->profile->counts.get(), index);
  if (cell != nullptr) cell->add(ServiceCount::kAccepted);
  auto admitted = admit(*arrival.service, shared_.limits, arrival.client(), loop_.now(), counters_,
                        std::move(arrival.place));
  if (admitted) {
    holds = std::move(*admitted);
    return true;
  }
  close(arrival, end);
  onSessionGone();
  const CloseReason& reason = admitted.error();
  if (cell != nullptr) countRefusal(reason.cause, *cell);
  logger.tell(levelOfCause(reason.cause), [&] {
    RefusedConnection connection{.service = arrival.service->profile->name,
                                 .client = arrival.client(),
                                 .accepted = arrival.accepted};
    if (arrival.origin != nullptr) connection.proxy = &arrival.origin->proxy;
    return refusalLine(connection, reason);
  });
  return false;
}

void Worker::onSessionGone() {
  load_.fetch_sub(1, std::memory_order_relaxed);
  shared_.budget.giveBack();
}

void Worker::onBackendNews(const ConnectorOptions& options, const AddressNews& news) {
  try {
    logger.log(backendNewsLine(options, news));
  } catch (const std::bad_alloc&) {
    logger.lose();
  }
}

void Worker::onPoolNews(const ConnectorOptions& options, const PoolNews& news) {
  try {
    logger.log(poolNewsLine(options, news));
  } catch (const std::bad_alloc&) {
    logger.lose();
  }
}

bool Worker::takeSpareDescriptor() { return shared_.budget.takeSpare(); }

void Worker::giveSpareDescriptor() { shared_.budget.giveSpareBack(); }

bool Worker::placesScarce() const { return shared_.budget.scarce(); }

void Worker::endOfTurn() {
  counters_.set(Counter::kDeferredDeletes, loop_.deferredDeletes());
  counters_.set(Counter::kLongestTurn, loop_.longestTurnMicros());
  counters_.set(Counter::kMemoryShortages, loop_.memoryShortages());
  if (loop_.turnTime() != Clock::duration{}) counters_.record(Timing::kTurn, loop_.turnTime());
  if (pool_.memory().takeChanged()) tellMemory();
  if (!reportsEmpty_ || !tunnels_.empty() || load() != 0) return;
  reportsEmpty_ = false;
  onEmpty_();
}

/// Tells the counters, the acceptor and the log how much memory the connections use.
void Worker::tellMemory() {
  const MemoryShare& memory = pool_.memory();
  counters_.set(Counter::kMemoryBuffers, memory.used(MemoryUse::kBuffers));
  counters_.set(Counter::kMemoryHandshakes, memory.used(MemoryUse::kHandshakes));
  counters_.set(Counter::kMemoryTunnels, memory.used(MemoryUse::kTunnels));
  counters_.set(Counter::kMemoryLimit, memory.limit());
  const MemoryLevel level = memory.level();
  if (level != MemoryLevel::kFull && arrivalsPostponed_) {
    arrivalsPostponed_ = false;
    handshakes_.arrivalsWait();
  }
  const MemoryLevel before = std::exchange(memoryLevel_, level);
  if (level == before) return;
  atMemoryLimit_.store(level == MemoryLevel::kFull);
  if (before == MemoryLevel::kFull) shared_.budget.wakeWaiting();
  if (level == MemoryLevel::kFull) counters_.add(Counter::kMemoryFull);
  if (before == MemoryLevel::kAmple) counters_.add(Counter::kMemoryTight);
  logger.tell(LogLevel::kNotice, [&] {
    return LogLine(LogLevel::kNotice, memoryMessage(level))
        .add("worker", name_)
        .add("used", memory.total())
        .add("share", memory.limit())
        .collapseBy(memoryMessage(level), name_);
  });
}

}  // namespace culvert
