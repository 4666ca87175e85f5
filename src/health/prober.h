// SPDX-License-Identifier: GPL-3.0-or-later
// Prober checks the backends of the services that have a health check: each address of each service,
// again and again, with at most one probe of an address at a time. It reports every verdict. It
// judges no address as up or down; that is the owner's. Thread: loop.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "event/event_loop.h"
#include "event/post_box.h"
#include "event/timer.h"
#include "health/check_schedule.h"
#include "health/probe.h"
#include "worker/tunnel_budget.h"

namespace culvert {

struct ProberHooks {
  /// A check of `address` has ended, which took `duration`. Not called for checks that could not be
  /// made. Thread: the prober's.
  std::function<void(const Service& service, const SocketAddress& address, bool ok,
                     const std::string& words, Clock::duration duration)>
      onResult;
  /// Returns a random number from 0 to 1.
  std::function<double()> dice;
};

class Prober {
 public:
  /// Probes at once. A further one waits, so that the thread serves each probe in time.
  static constexpr size_t kMostActive = 256;
  /// Descriptors for which the owner has reserved room. Further ones come from `budget`.
  static constexpr size_t kOwnDescriptors = 64;

  /// `budget` outlives the prober.
  Prober(EventLoop& loop, TunnelBudget& budget, ProberHooks hooks);
  ~Prober();
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  Result<void> open() { return postBox_.open(); }
  /// Runs `message` on the loop. Thread: any.
  void post(std::function<void()> message) { postBox_.post(std::move(message)); }
  /// Replaces the services. A service whose name, health options and trust are the same keeps its
  /// schedule and its probes in progress. All other services begin at once.
  void follow(std::vector<std::shared_ptr<const Service>> services);

 private:
  struct Task;
  struct Check;
  struct Watched;
  using DueList = std::set<std::pair<TimePoint, Task*>>;

  void place(Task& task, TimePoint due);
  void onTimer();
  void followNow();
  void refresh(Watched& watched);
  void run(Check& check);
  void begin(Check& check);
  void onVerdict(Check& check, const ProbeResult& result);
  void onClosed(Check& check);
  std::unique_ptr<Probe> endProbe(Check& check);
  bool takeDescriptor(Check& check);

  EventLoop& loop_;
  TunnelBudget& budget_;
  const ProberHooks hooks_;
  PostBox postBox_;
  Timer timer_;
  BufferPool pool_;
  CounterBlock
      counters_;  // of the streams; culvert does not report it, because it counts no clients
  TlsWorker tls_;
  DueList due_;  // every task, always
  std::vector<std::unique_ptr<Watched>> watched_;
  size_t active_ = 0;
  std::vector<std::shared_ptr<const Service>> wanted_;  // of follow(), until followNow() is done
  bool following_ = false;
};

}  // namespace culvert
