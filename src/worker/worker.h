// SPDX-License-Identifier: GPL-3.0-or-later
// Worker is one thread with one event loop and all the tunnels placed on it. Connections arrive
// through its mailbox, get streams and become tunnels. Other threads never access the objects that
// a worker owns. Thread: loop, except where a comment says otherwise.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "event/mailbox.h"
#include "tunnel/tunnel_set.h"
#include "worker/client_session.h"
#include "worker/inspector.h"
#include "worker/trust_review.h"
#include "worker/tunnel_budget.h"
#include "worker/tunnel_tasks.h"

namespace culvert {

/// Objects that all workers share. The objects outlive the workers.
struct WorkerShared {
  Logger& logger;
  TunnelBudget& budget;
  const TicketKeys* ticketKeys;
  std::atomic<uint64_t>& nextTunnelId;
  TunnelLimits& limits;                                    ///< of the process
  std::shared_ptr<HandshakeRate> handshakeRate = nullptr;  ///< of the process; nullptr: no rate
};

class Worker final : public SessionOwner,
                     private HandshakeQueue::Arrivals,
                     private ConnectorHost,
                     private InspectorHost {
 public:
  Worker(unsigned index, const WorkerShared& shared, CounterBlock& counters);
  ~Worker();

  /// The control thread calls open(), start(), any of the functions below, and stop(), in this
  /// order.
  Result<void> open() { return mailbox_.open(); }
  Result<void> start();
  /// Closes the remaining tunnels, stops the thread and joins it.
  void stop(CloseCause cause);

  /// Takes the connection and returns true. If the mailbox is full, returns false and leaves `conn`
  /// unchanged. Thread: acceptor.
  [[nodiscard]] bool offer(AcceptedConn& conn);
  /// The number of open tunnels and of connections on their way to this worker. Thread: any.
  unsigned load() const { return load_.load(std::memory_order_relaxed); }
  /// The number of connections that wait in the mailbox. Thread: any.
  size_t mailboxDepth() const { return mailbox_.items(); }

  /// Calls `onEmpty` once, on this worker's thread, as soon as no tunnel is left. Later calls of
  /// drain() do nothing. Thread: control, after the acceptor has stopped.
  void drain(std::function<void()> onEmpty);
  /// Closes every tunnel at once. Thread: any.
  void cutAll(CloseCause cause);
  /// Verifies the clients of `services` again. Call after the acceptor has applied the services'
  /// new versions. Thread: any.
  void reviewTrust(std::shared_ptr<const TrustReview::Services> services);
  /// Drops TLS contexts of configurations that are no longer in force. Thread: any.
  void dropUnusedContexts();
  /// Returns unused blocks of the buffer pool to the system. Thread: any.
  void trimPool();
  /// Sets this worker's share of memory-limit in bytes; 0 means none. Thread: any.
  void setMemoryShare(size_t bytes);
  /// True if the worker has reached its share of memory-limit, so it should get no connection.
  /// Thread: any.
  bool atMemoryLimit() const { return atMemoryLimit_.load(); }
  /// Closes waiting tunnels whose backend is down, the oldest first, as many as TunnelBudget::ask()
  /// has requested. Thread: any.
  void makeRoom();
  /// Lists or closes tunnels, see TunnelTasks. Thread: any.
  void listTunnels(TunnelQuery query, TunnelsListed done);
  void closeTunnels(TunnelQuery query, TunnelsClosed done);
  /// Calls `answer` on the worker's thread as soon as the loop turns. Thread: any.
  void ping(std::function<void()> answer) { mailbox_.post(std::move(answer)); }
  /// The time when the loop's current turn began (microseconds of Clock); 0 while the loop waits.
  /// Thread: any.
  uint64_t busySinceMicros() const { return loop_.busySinceMicros(); }
  const std::string& name() const { return name_; }

 private:
  void onSessionGone() override;
  void onBackendNews(const ConnectorOptions& options, const AddressNews& news) override;
  void onPoolNews(const ConnectorOptions& options, const PoolNews& news) override;
  bool takeSpareDescriptor() override;
  void giveSpareDescriptor() override;
  bool placesScarce() const override;
  void onMail();
  bool startNext() override;
  void onServiceChosen(Inspector& inspector, Arrival arrival,
                       std::unique_ptr<OpeningStream> opening) override;
  void onRefused(Inspector& inspector) override;
  Tunnel* adopt(AcceptedConn conn);
  void inspect(AcceptedConn conn);
  void drop(Inspector& inspector);
  void dropped();
  Tunnel* begin(Arrival arrival, std::unique_ptr<OpeningStream> opening);
  bool mayEnter(Arrival& arrival, ClientStream& end, TunnelHolds& holds);
  void close(Arrival& arrival, ClientStream& end);
  void closeAll(const CloseReason& reason);
  void endOfTurn();
  void tellMemory();

  const std::string name_;
  const WorkerShared& shared_;
  EventLoop loop_;
  BufferPool pool_;
  CounterBlock& counters_;
  TlsWorker tls_;
  HandshakeQueue handshakes_;
  TunnelContext tunnelContext_;
  ConnectorContext connectors_;
  Mailbox<AcceptedConn> mailbox_;
  TunnelSet tunnels_;
  IntrusiveList<Inspector> inspectors_;  // owned; connections whose service is not known yet
  TrustReview review_;
  TunnelTasks tasks_;
  std::atomic<unsigned> load_{0};
  std::atomic<bool> atMemoryLimit_{false};
  bool arrivalsPostponed_ = false;                 // because of memory-limit
  MemoryLevel memoryLevel_ = MemoryLevel::kAmple;  // that was logged last
  bool drains_ = false;                            // only the control thread uses this flag
  std::function<void()> onEmpty_;                  // set before reportsEmpty_
  bool reportsEmpty_ = false;
  std::thread thread_;
};

}  // namespace culvert
