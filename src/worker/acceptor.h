// SPDX-License-Identifier: GPL-3.0-or-later
// Acceptor is the listener thread: all listening sockets on one loop. It accepts in bounded bursts,
// places each connection on a worker, and pauses (nobody is rejected, clients wait in the kernel's
// queue) at max-tunnels, when every worker is full, and for want of descriptors. Where places are
// scarce, tunnels whose backend is down make room, and a service whose backend is down is accepted
// from slowly. Thread: loop (culvert-accept); what says so any.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "event/post_box.h"
#include "event/timer.h"
#include "log/logger.h"
#include "service/service.h"
#include "worker/placement.h"
#include "worker/tunnel_budget.h"
#include "worker/worker.h"

namespace culvert {

/// One change of the listening sockets, as a whole. Listeners are known by a number of the control
/// thread's.
struct ListenerUpdate {
  struct Added {
    uint32_t id;
    UniqueFd fd;  // listening
    std::shared_ptr<const Service> service;
  };
  struct Changed {
    uint32_t id;
    std::shared_ptr<const Service> service;
  };
  std::vector<Added> added;
  std::vector<Changed> changed;
  std::vector<uint32_t> removed;  ///< accepted from until the queue is empty, then closed
};

class Acceptor {
 public:
  Acceptor(Logger& logger, CounterBlock& counters, TunnelBudget& budget,
           std::vector<Worker*> workers);
  ~Acceptor();

  /// `closed` is told the number of each removed listener once its socket is closed, on the
  /// acceptor's thread. Before start().
  void setOnClosed(std::function<void(uint32_t id)> closed) { onClosed_ = std::move(closed); }

  /// Control thread: open(), start(), then apply() and stop().
  Result<void> open() { return postBox_.open(); }
  Result<void> start();
  /// Waits until it is in force: what the log says next is true of every connection to come.
  void apply(ListenerUpdate update);
  /// Takes what waits in the listen queues while there are places, closes the listeners, ends the
  /// thread and joins it.
  void stop();

  /// A place may have come free. Thread: any.
  void wake() noexcept;

 private:
  struct Listener {
    Listener(Acceptor& a, ListenerUpdate::Added added);
    void onReadable() { acceptor.acceptFrom(*this); }

    Acceptor& acceptor;
    uint32_t id;
    UniqueFd fd;
    std::shared_ptr<const Service> service;
    IoWatcher watcher;
    TimePoint lastAccept{};
    TimePoint restsUntil{};  // its backend is down and places are scarce; zero: accepted from
    bool retiring = false;
  };
  enum class Burst : uint8_t { kMore, kEmpty, kPaused };

  void onMail();
  void applyNow(ListenerUpdate& update);
  void acceptAll(Listener& listener);
  enum class Pace : uint8_t { kOrdinary, kOne, kAll };
  Burst acceptFrom(Listener& listener, Pace pace = Pace::kOrdinary);
  Burst acceptBurst(Listener& listener, int burst);
  void rest(Listener& listener);
  void onRestOver();
  void makeRoom(size_t places);
  bool place(AcceptedConn& conn);
  void onAcceptError(int error);
  void shortage(const char* what, int error);
  bool watchForClients(Listener& listener);
  void pause(const char* why);
  void resume();
  void finishRetired();

  Logger& logger_;
  CounterBlock& counters_;
  TunnelBudget& budget_;
  const std::vector<Worker*> workers_;
  EventLoop loop_;
  PostBox postBox_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::function<void(uint32_t)> onClosed_;
  Placement placement_;
  std::optional<AcceptedConn> held_;  // accepted, and every worker was full
  Timer resumeTimer_;
  Timer restTimer_;
  TimePoint askedForRoom_{};
  size_t turn_ = 0;  // whose turn it is when a place comes free
  std::atomic<bool> resumeWanted_{false};
  bool paused_ = false;
  bool shortageTold_ = false;  // one warning until a connection could be accepted again
  std::thread thread_;
};

}  // namespace culvert
