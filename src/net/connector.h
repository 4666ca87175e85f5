// SPDX-License-Identifier: GPL-3.0-or-later
// Connector reaches one backend: every address of every target in turn, refused or unreachable ones
// left at once for the next; when a pass is over, again with backoff until the connect timeout, so
// that a client survives a backend's restart. Names are taken as the resolver has them at each
// pass. Thread: loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "event/io_watcher.h"
#include "event/timer.h"
#include "net/dialer.h"
#include "net/resolver.h"
#include "stats/counters.h"

namespace culvert {

/// Frozen; one per service, shared by its connectors.
struct ConnectorOptions {
  std::vector<std::shared_ptr<BackendTarget>> targets;
  Millis connectTimeout{10000};  ///< for the whole phase; 0 = no limit
  bool retry = true;             ///< false: fail after the first pass
};

class Connector final : public Dialer {
 public:
  /// `options` and `counters` outlive the connector. `preface` is called once a connection stands
  /// (the PROXY header).
  Connector(EventLoop& loop, const ConnectorOptions& options, CounterBlock& counters,
            std::function<std::string()> preface);
  ~Connector() override;

  void dial(DialObserver& observer) override;

 private:
  void beginPass();
  void tryNext();
  void adopt(UniqueFd fd);
  void attemptFailed(int sysErrno);
  void endOfPass();
  void fail();
  void onWritable();
  void onTimer();

  EventLoop& loop_;
  const ConnectorOptions& options_;
  CounterBlock& counters_;
  std::function<std::string()> preface_;
  DialObserver* observer_ = nullptr;  // null before dial() and after the outcome

  std::vector<SocketAddress> pass_;  // the addresses of this pass
  size_t next_ = 0;                  // index into pass_ of the next attempt
  UniqueFd fd_;
  std::unique_ptr<IoWatcher> watcher_;  // after fd_
  Timer timer_;
  TimePoint phaseDeadline_ = kNever;
  TimePoint attemptDeadline_ = kNever;
  TimePoint retryAt_ = kNever;
  Millis backoff_;
  StreamFailure lastFailure_;
};

}  // namespace culvert
