// SPDX-License-Identifier: GPL-3.0-or-later
// Acceptor is the thread that watches all listening sockets. It accepts in bounded bursts and
// places each connection on a worker. It pauses when max-tunnels is reached, when every worker is
// at the limit of its memory or full, and when descriptors run out. Clients then wait in the kernel's listen queue. If places are
// scarce, culvert closes waiting tunnels whose backend is down, and accepts fewer connections for
// such backends. Thread: loop (culvert-accept), except where a comment says any.
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
#include "service/arrival.h"
#include "worker/placement.h"
#include "worker/tunnel_budget.h"
#include "worker/worker.h"

namespace culvert {

/// One change of the listening sockets, applied as a whole. The control thread assigns each
/// listener an id.
struct ListenerUpdate {
  struct Added {
    uint32_t id;
    UniqueFd fd;  // listening
    std::shared_ptr<const Entrance> entrance;
  };
  struct Changed {
    uint32_t id;
    std::shared_ptr<const Entrance> entrance;
  };
  std::vector<Added> added;
  std::vector<Changed> changed;
  std::vector<uint32_t> removed;  ///< ids of listeners to close after their listen queues are empty
};

class Acceptor {
 public:
  Acceptor(Logger& logger, CounterBlock& counters, TunnelBudget& budget,
           std::vector<Worker*> workers);
  ~Acceptor();

  /// Sets the function that the acceptor's thread calls after it has closed the socket of a removed
  /// listener. The argument is the listener's id. Call before start().
  void setOnClosed(std::function<void(uint32_t id)> closed) { onClosed_ = std::move(closed); }

  /// The control thread calls open(), start(), apply() any number of times, and stop(), in this
  /// order.
  Result<void> open() { return postBox_.open(); }
  Result<void> start();
  /// Applies the update and waits until it is in force. So a log line written after the call is
  /// true for every later connection.
  void apply(ListenerUpdate update);
  /// Accepts the connections in the listen queues while places are free. Then closes the listeners,
  /// stops the thread and joins it.
  void stop();

  /// Calls `answer` on the acceptor's thread as soon as its loop turns. Thread: any.
  void ping(std::function<void()> answer) { postBox_.post(std::move(answer)); }

  /// Resumes accepting if it is paused. Call when a place may have become free. Thread: any.
  void wake() noexcept;

 private:
  struct Listener {
    Listener(Acceptor& a, ListenerUpdate::Added added);
    void onReadable() { acceptor.acceptFrom(*this); }

    Acceptor& acceptor;
    uint32_t id;
    UniqueFd fd;
    std::shared_ptr<const Entrance> entrance;
    IoWatcher watcher;
    TimePoint lastAccept{};
    TimePoint restsUntil{};    // culvert does not accept before this time, because the backend is
                               // down and places are scarce; zero if the listener does not rest
    bool awaitsPlace = false;  // max-tunnels of the service is reached
    bool retiring = false;
  };
  enum class Burst : uint8_t { kMore, kEmpty, kFull, kPaused };

  void onMail();
  void applyNow(ListenerUpdate& update);
  void acceptAll(Listener& listener);
  enum class Pace : uint8_t { kOrdinary, kOne, kAll };
  Burst acceptFrom(Listener& listener, Pace pace = Pace::kOrdinary);
  Burst acceptBurst(Listener& listener, int burst);
  void rest(Listener& listener);
  void awaitPlace(Listener& listener);
  void endAwaiting();
  static bool mayAccept(const Listener& listener) {
    return listener.fd.valid() && listener.restsUntil == TimePoint{} && !listener.awaitsPlace;
  }
  void onRestOver();
  void makeRoom(size_t places);
  enum class Memory : uint8_t { kRespect, kIgnore };
  bool place(AcceptedConn& conn, Memory memory = Memory::kRespect);
  bool memoryFull() const;
  void waitForWorkers();
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
  std::optional<AcceptedConn> held_;  // a connection accepted while every worker was full
  Timer resumeTimer_;
  Timer restTimer_;
  TimePoint askedForRoom_{};
  size_t turn_ = 0;  // index of the listener that gets the next free place
  std::atomic<bool> resumeWanted_{false};
  bool paused_ = false;
  bool shortageTold_ = false;  // the warning was logged, and no accept has succeeded since
  std::thread thread_;
};

}  // namespace culvert
