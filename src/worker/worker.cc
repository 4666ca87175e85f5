// SPDX-License-Identifier: GPL-3.0-or-later
// See worker.h.
#include "worker/worker.h"

#include <fmt/format.h>

#include "base/thread.h"
#include "event/callback.h"
#include "process/privileges.h"
#include "worker/backend_report.h"

namespace culvert {
namespace {

// How many connections may wait in a worker's mailbox. The number is larger than a burst of the
// acceptor, but small enough that each connection is served soon.
constexpr size_t kMailboxCapacity = 1024;

}  // namespace

Worker::Worker(unsigned index, const WorkerShared& shared, CounterBlock& counters)
    : SessionOwner(loop_, shared.logger, counters, connectors_, tls_),
      name_(fmt::format("culvert-w{:02}", index)),
      shared_(shared),
      counters_(counters),
      tls_(loop_, pool_, counters, shared.ticketKeys),
      handshakes_(loop_, counters),
      tunnelContext_{loop_, pool_, counters, handshakes_},
      connectors_{loop_, counters, *this},
      mailbox_(loop_, kMailboxCapacity, this, call<&Worker::onMail>),
      tunnels_(loop_),
      review_(loop_, shared.logger, tunnels_) {
  handshakes_.setArrivals(*this);
  loop_.setEndOfTurn([this] { endOfTurn(); });
}

Worker::~Worker() {
  if (thread_.joinable()) stop(CloseCause::kDrain);
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
        [&services](AcceptedConn& conn) { TrustReview::renew(conn.service, *services); });
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
  auto conn = mailbox_.takeItem();
  if (!conn) return false;
  if (Tunnel* tunnel = adopt(std::move(*conn))) tunnel->start();
  return true;
}

/// Closes all tunnels. First makes tunnels of the connections in the mailbox, so that each
/// connection gets a log line.
void Worker::closeAll(const CloseReason& reason) {
  while (auto conn = mailbox_.takeItem()) adopt(std::move(*conn));
  tunnels_.closeAll(reason);
}

/// Makes a tunnel of a connection. If memory runs out, culvert drops only this connection.
Tunnel* Worker::adopt(AcceptedConn conn) {
  bool counted = false;                    // if true, the session's destructor calls
                                           // onSessionGone()
  std::unique_ptr<ClientSession> session;  // destroyed after the stream, as in a tunnel
  try {
    ClientStream end = makeClientStream(tls_, std::move(conn.fd), *conn.service);
    const auto& profile = conn.service->profile;
    session = std::make_unique<ClientSession>(*this, conn.service, conn.peer, end);
    counted = true;
    const uint64_t id = shared_.nextTunnelId.fetch_add(1, std::memory_order_relaxed);
    return &tunnels_.add(std::make_unique<Tunnel>(tunnelContext_, profile->tunnel,
                                                  std::move(session), id, std::move(end.stream),
                                                  conn.accepted));
  } catch (const std::bad_alloc&) {
    conn.fd.reset();
    if (!counted) onSessionGone();
    loop_.noteMemoryShortage();
    logger.log(LogLevel::kErr, "connection dropped: out of memory");
    return nullptr;
  }
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

bool Worker::takeSpareDescriptor() { return shared_.budget.takeSpare(); }

void Worker::giveSpareDescriptor() { shared_.budget.giveSpareBack(); }

bool Worker::placesScarce() const { return shared_.budget.scarce(); }

void Worker::endOfTurn() {
  counters_.set(Counter::kDeferredDeletes, loop_.deferredDeletes());
  counters_.set(Counter::kLongestTurn, loop_.longestTurnMicros());
  counters_.set(Counter::kMemoryShortages, loop_.memoryShortages());
  if (!reportsEmpty_ || !tunnels_.empty() || load() != 0) return;
  reportsEmpty_ = false;
  onEmpty_();
}

}  // namespace culvert
