// SPDX-License-Identifier: GPL-3.0-or-later
// See drain.h.
#include "server/drain.h"

#include <utility>

#include "event/callback.h"

namespace culvert {

Drain::Drain(ServerParts& parts)
    : parts_(parts), timer_(parts.loop, this, call<&Drain::onTimeout>) {}

void Drain::onSignal() {
  if (begun_) return cutAll("second signal");
  wanted_ = true;
  begin();
}

void Drain::onTick() {
  if (wanted_ && !begun_) begin();
}

/// Begins the drain. If memory runs out, the next tick tries again.
void Drain::begin() {
  parts_.acceptor->stop();
  if (const auto stopped = parts_.health.follow({}); !stopped)
    parts_.logger.log(LogLevel::kErr, stopped.error().text);
  const Millis limit = parts_.config.global.drainTimeout;
  parts_.logger.tell(LogLevel::kNotice, [&] {
    LogLine line(LogLevel::kNotice, "draining: no new connections");
    line.add("tunnels", parts_.budget.open());
    return limit.count() == 0 ? line.add("drain_timeout", "off")
                              : line.addMillis("drain_timeout_ms", limit);
  });
  deadline_ = deadlineAfter(parts_.loop.now(), limit);
  timer_.armBy(deadline_);
  for (auto& worker : parts_.workers) {
    worker->drain([this] {  // on the worker's thread
      if (++emptyWorkers_ == parts_.workers.size())
        parts_.postBox.post([this] { parts_.loop.stop(); });
    });
  }
  begun_ = true;
  parts_.notify.stopping("draining");
  parts_.listeners.removeSocketFiles();
}

/// Cuts the remaining tunnels. If the process stood still (stopped, or the machine suspended),
/// culvert first postpones the timeout once, by the length of the standstill.
void Drain::onTimeout() {
  const TimePoint now = parts_.loop.now();
  const auto late =
      standstill(std::exchange(deadline_, kNever), now, parts_.config.global.drainTimeout);
  if (late.count() != 0) return timer_.armBy(now + late);
  cutAll("drain-timeout expired");
}

void Drain::cutAll(const char* why) {
  const size_t open = parts_.budget.open();
  if (open == 0) return;
  cut_ = open;
  parts_.logger.tell(LogLevel::kWarning, [&] {
    return LogLine(LogLevel::kWarning, "cutting the remaining tunnels")
        .add("reason", why)
        .add("tunnels", open);
  });
  for (auto& worker : parts_.workers) worker->cutAll(CloseCause::kDrain);
}

void Drain::finish() {
  for (auto& worker : parts_.workers) worker->stop(CloseCause::kDrain);
}

}  // namespace culvert
