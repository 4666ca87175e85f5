// SPDX-License-Identifier: GPL-3.0-or-later
// See prober.h.
#include "health/prober.h"

#include <algorithm>
#include <new>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "event/callback.h"

namespace culvert {
namespace {

/// A probe that finds kMostActive others in progress waits so long, and longer among many others.
constexpr Millis kCrowdPause{20};
constexpr size_t kTasksPerMilli = 64;
/// Behind the verdict, a backend has so much time to close.
constexpr Millis kLinger{1000};
/// How long a task waits if memory has run out.
constexpr Millis kShortagePause{1000};
/// How often culvert looks for new addresses of a host name.
constexpr Millis kRefresh{1000};

}  // namespace

/// What the prober does at a point in time. A task is in due_ as long as it exists.
struct Prober::Task {
  explicit Task(Prober& owner) : prober(owner) {
    prober.due_.insert({due, this});
    prober.timer_.armBy(prober.loop_.now());
  }
  virtual ~Task() { prober.due_.erase({due, this}); }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  virtual void run() = 0;

  Prober& prober;
  TimePoint due{};  // a new task is due at once
};

/// One address of one service.
struct Prober::Check final : Task, ProbeOwner {
  Check(Prober& owner, Watched& of, const SocketAddress& at, std::string name)
      : Task(owner), watched(of), address(at), host(std::move(name)) {}
  ~Check() override { prober.loop_.deleteLater(prober.endProbe(*this)); }
  void run() override { prober.run(*this); }
  void onVerdict(const ProbeResult& result) override { prober.onVerdict(*this, result); }
  void onClosed() override { prober.onClosed(*this); }

  Watched& watched;
  const SocketAddress address;
  std::string host;
  CheckSchedule schedule;
  TimePoint began{};
  std::unique_ptr<Probe> probe;  // while one is in progress
  bool spare = false;            // the probe's descriptor comes from the budget
  bool stoodStill = false;       // the probe got more time, because the process stood still
};

/// One service. Its task is to follow the addresses of host names.
struct Prober::Watched final : Task {
  Watched(Prober& owner, std::shared_ptr<const Service> of) : Task(owner), service(std::move(of)) {}
  void run() override { prober.refresh(*this); }

  std::shared_ptr<const Service> service;
  std::vector<std::unique_ptr<Check>> checks;
};

namespace {

bool sameVia(const ViaProxy* a, const ViaProxy* b) {
  if (a == nullptr || b == nullptr) return a == b;
  return a->scheme == b->scheme && a->host == b->host && a->port == b->port;
}

/// True if the results of one service hold for the other one too.
bool sameChecks(const Service& a, const Service& b) {
  return a.health == b.health && a.backendTls == b.backendTls &&
         a.backendStartTls == b.backendStartTls && a.profile->proxy == b.profile->proxy &&
         sameVia(a.via.get(), b.via.get());
}

bool allFixed(const ConnectorOptions& options) {
  const auto& targets = options.pool->targets();
  return std::all_of(targets.begin(), targets.end(),
                     [](const PoolTarget& one) { return one.target->fixed(); });
}

}  // namespace

Prober::Prober(EventLoop& loop, TunnelBudget& budget, ProberHooks hooks)
    : loop_(loop),
      budget_(budget),
      hooks_(std::move(hooks)),
      postBox_(loop),
      timer_(loop, this, call<&Prober::onTimer>),
      tls_(loop, pool_, counters_, nullptr) {}

/// Does not use deleteLater(), because the probes must end before tls_.
Prober::~Prober() {
  for (const auto& watched : watched_)
    for (const auto& check : watched->checks) endProbe(*check);
}

/// Sets the time of a task. Allocates no memory.
void Prober::place(Task& task, TimePoint due) {
  auto node = due_.extract({task.due, &task});
  node.value().first = task.due = due;
  due_.insert(std::move(node));
  timer_.armBy(due);
}

void Prober::onTimer() {
  const TimePoint now = loop_.now();
  if (following_) loop_.guard([this] { followNow(); });
  while (!due_.empty() && due_.begin()->first <= now) {
    Task& task = *due_.begin()->second;
    place(task, now + kShortagePause);  // if memory runs out below
    loop_.guard([&task] { task.run(); });
  }
  if (!due_.empty()) timer_.armBy(due_.begin()->first);
  if (following_) timer_.armBy(now + kShortagePause);
}

void Prober::follow(std::vector<std::shared_ptr<const Service>> services) {
  wanted_ = std::move(services);
  following_ = true;
  timer_.armBy(loop_.now() + kShortagePause);
  followNow();
}

/// Applies the services of follow(). If memory runs out, nothing is changed and the timer calls this
/// again.
void Prober::followNow() {
  std::vector<std::unique_ptr<Watched>> next(wanted_.size());
  std::vector<std::unique_ptr<Watched>*> kept(wanted_.size());
  std::unordered_map<std::string_view, std::unique_ptr<Watched>*> known;
  for (auto& old : watched_) known.emplace(old->service->profile->name, &old);
  for (size_t i = 0; i < wanted_.size(); ++i) {
    const auto same = known.find(wanted_[i]->profile->name);
    if (same != known.end() && sameChecks(*(*same->second)->service, *wanted_[i]))
      kept[i] = same->second;
    else
      next[i] = std::make_unique<Watched>(*this, wanted_[i]);
  }
  for (size_t i = 0; i < wanted_.size(); ++i) {  // cannot fail
    if (kept[i] == nullptr) continue;
    next[i] = std::move(*kept[i]);
    next[i]->service = wanted_[i];
    place(*next[i], loop_.now());
  }
  watched_.swap(next);
  following_ = false;
  wanted_.clear();
}

/// Adds checks for the new addresses of a service, and drops those of addresses that are gone.
void Prober::refresh(Watched& watched) {
  const ConnectorOptions& options = watched.service->profile->connect;
  std::vector<std::pair<SocketAddress, std::string>> found;
  for (const auto& [target, weight] : options.pool->targets()) {
    const auto addresses = target->addresses();
    for (const SocketAddress& address : *addresses) {
      const auto known = std::find_if(found.begin(), found.end(),
                                      [&](const auto& one) { return one.first == address; });
      if (known == found.end()) found.emplace_back(address, target->host());
    }
  }
  std::erase_if(watched.checks, [&](const auto& check) {
    return std::none_of(found.begin(), found.end(),
                        [&](const auto& one) { return one.first == check->address; });
  });
  for (auto& one : found) {
    const auto check =
        std::find_if(watched.checks.begin(), watched.checks.end(),
                     [&one](const auto& known) { return known->address == one.first; });
    if (check != watched.checks.end())
      (*check)->host = std::move(one.second);
    else
      watched.checks.push_back(
          std::make_unique<Check>(*this, watched, one.first, std::move(one.second)));
  }
  const Millis pause = std::min(watched.service->health.interval, kRefresh);
  place(watched, allFixed(options) ? kNever : loop_.now() + pause);
}

/// A check is due: its next probe, or the end of the time of the one in progress.
void Prober::run(Check& check) {
  const Millis limit = check.watched.service->health.timeout;
  if (check.probe == nullptr) return begin(check);
  const TimePoint now = loop_.now();
  const auto late = standstill(check.began + limit, now, limit);
  if (late.count() != 0 && !std::exchange(check.stoodStill, true)) return place(check, now + late);
  check.probe->expire();
}

void Prober::begin(Check& check) {
  const auto& service = check.watched.service;
  check.began = loop_.now();
  if (active_ >= kMostActive)
    return place(check, check.began + kCrowdPause + Millis(due_.size() / kTasksPerMilli));
  if (!takeDescriptor(check))
    return place(check, check.began + check.schedule.next(service->health, hooks_.dice()));
  try {
    check.probe = std::make_unique<Probe>(tls_, service, check.address, check.host, check);
  } catch (const std::bad_alloc&) {
    if (std::exchange(check.spare, false)) budget_.giveSpareBack();
    throw;
  }
  ++active_;
  check.stoodStill = false;
  // Each check verifies the certificate anew, so no session is resumed.
  tls_.sessions = SessionPool();
  place(check, check.began + service->health.timeout);
  check.probe->start();
}

bool Prober::takeDescriptor(Check& check) {
  if (active_ < kOwnDescriptors) return true;
  check.spare = budget_.takeSpare();
  return check.spare;
}

void Prober::onVerdict(Check& check, const ProbeResult& result) {
  place(check, std::min(check.due, loop_.now() + kLinger));
  if (result.state == ProbeResult::State::kUnmade) return;
  const bool ok = result.state == ProbeResult::State::kGood;
  check.schedule.note(ok);
  loop_.guard([&] {
    hooks_.onResult(*check.watched.service, check.address, ok, result.words,
                    Clock::now() - check.began);
  });
}

void Prober::onClosed(Check& check) {
  loop_.deleteLater(endProbe(check));
  const HealthOptions& options = check.watched.service->health;
  place(check, check.began + check.schedule.next(options, hooks_.dice()));
}

/// Takes the probe in progress out of the check. Returns nullptr if there is none.
std::unique_ptr<Probe> Prober::endProbe(Check& check) {
  if (check.probe == nullptr) return nullptr;
  check.probe->cancel();
  if (std::exchange(check.spare, false)) budget_.giveSpareBack();
  --active_;
  return std::move(check.probe);
}

}  // namespace culvert
