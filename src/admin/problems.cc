// SPDX-License-Identifier: GPL-3.0-or-later
// See problems.h.
#include "admin/problems.h"

#include <fmt/format.h>

#include <algorithm>

#include "log/log_render.h"
#include "tls/credentials/credentials.h"

namespace culvert {
namespace {

/// A listener without a socket: the reason why culvert is not ready.
std::string awayText(const AdminView& view) {
  for (const AdminListener& listener : view.listeners)
    if (listener.away)
      return fmt::format("not listening on {}: all backends are down", listener.address);
  return {};
}

class Finder {
 public:
  Finder(const AdminView& view, TimePoint now, int64_t wall)
      : view_(view), now_(now), wall_(wall) {}

  std::vector<Problem> find(const CounterSnapshot& counters) {
    process(counters);
    for (const AdminListener& listener : view_.listeners)
      if (listener.away)
        add(true, listener.services.front()->profile->name,
            fmt::format("does not listen on {}: all backends are down", listener.address));
    for (const RuntimeService& one : view_.runtime.services) service(one);
    std::ranges::stable_sort(found_, std::greater(), &Problem::error);
    return std::move(found_);
  }

 private:
  void add(bool error, const std::string& service, std::string text) {
    found_.push_back({error, service, std::move(text)});
  }

  void process(const CounterSnapshot& counters) {
    if (view_.draining) add(false, "", "culvert drains: it accepts no new connections");
    if (const auto& last = view_.lastReload; last != nullptr && !last->done && !last->draining)
      add(true, "",
          fmt::format(
              "the reload of {} failed with {} error{}; the configuration of {} is in force",
              renderTime(last->time), last->errors.size(), last->errors.size() == 1 ? "" : "s",
              renderTime(view_.loaded)));
    if (counters.get(Counter::kAcceptPaused) > counters.get(Counter::kAcceptResumed))
      add(true, "", "accepting is paused: a limit is reached, and new clients wait");
    if (const uint64_t lost = counters.get(Counter::kLogLinesDropped); lost != 0)
      add(false, "", fmt::format("{} log lines were lost since the start", lost));
  }

  void service(const RuntimeService& one) {
    const ServiceVerdict verdict = judgeService(view_, *one.service, now_);
    if (verdict.condition == ServiceState::kDown) add(true, one.name(), verdict.why);
    if (verdict.condition == ServiceState::kDegraded) add(false, one.name(), verdict.why);
    for (const auto& unit : one.certificates) {
      if (!unit->refusal.empty())
        add(false, one.name(),
            fmt::format("the certificate in {} is not served: {}", unit->files.cert,
                        unit->refusal));
      if (unit->credentials != nullptr) certificate(one.name(), *unit->credentials);
    }
  }

  void certificate(const std::string& service, const Credentials& served) {
    const bool valid = served.validity(wall_) == Validity::kValid;
    if (valid && wall_ < expiryWarningFrom(served.leaf().notBefore, served.validUntil())) return;
    add(!valid, service,
        fmt::format("the certificate {} {}", served.certPath(), served.validityText(wall_)));
  }

  const AdminView& view_;
  const TimePoint now_;
  const int64_t wall_;
  std::vector<Problem> found_;
};

}  // namespace

Verdict readiness(const AdminView& view) {
  if (view.draining) return {false, "draining"};
  if (std::string away = awayText(view); !away.empty()) return {false, std::move(away)};
  if (view.readyNeeds == ReadyNeeds::kListeners) return {};
  for (const RuntimeService& one : view.runtime.services)
    if (one.service->backendsDown())
      return {false, fmt::format("service {} has no backend that is up", one.name())};
  return {};
}

ServiceVerdict judgeService(const AdminView& view, const Service& service, TimePoint now) {
  ServiceVerdict verdict;
  verdict.backends = countBackends(service, now);
  const BackendCount& count = verdict.backends;
  if (view.drained.contains(service.profile->name)) {
    verdict.condition = ServiceState::kDraining;
    verdict.why = "drained by an operator; a reload ends it";
  } else if (count.up == 0) {
    verdict.condition = ServiceState::kDown;
    verdict.why = fmt::format("no backend is up ({})", count.error);
  } else if (count.up < count.all) {
    verdict.condition = ServiceState::kDegraded;
    verdict.why = fmt::format("{} of {} backends are not up ({})", count.all - count.up, count.all,
                              count.error);
  }
  return verdict;
}

std::vector<Problem> problemsOf(const AdminView& view, const CounterSnapshot& counters,
                                TimePoint now, int64_t wall) {
  return Finder(view, now, wall).find(counters);
}

}  // namespace culvert
