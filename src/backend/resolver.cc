// SPDX-License-Identifier: GPL-3.0-or-later
// The resolver's thread, its schedule, and the sets it hands out.
#include "backend/resolver.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <new>
#include <utility>

namespace culvert {
namespace {

std::string listText(const AddressSet& set) {
  std::string text;
  for (const SocketAddress& address : set) text += (text.empty() ? "" : ", ") + address.text();
  return text;
}

/// True if the sets are equal except for the order, which DNS servers rotate.
bool sameSets(const TargetSet& a, const TargetSet& b) {
  if (a.ranks.size() != b.ranks.size() || a.addresses.size() != b.addresses.size()) return false;
  for (size_t i = 0; i < a.addresses.size(); ++i) {
    const auto at = std::find(b.addresses.begin(), b.addresses.end(), a.addresses[i]);
    if (at == b.addresses.end()) return false;
    if (!a.ranks.empty() && a.ranks[i] != b.ranks[static_cast<size_t>(at - b.addresses.begin())])
      return false;
  }
  return true;
}

}  // namespace

struct BackendTarget::Shared {
  explicit Shared(ResolverOptions given) : options(std::move(given)) {}

  /// The thread's body. The thread shares ownership of the state with the Resolver, because the
  /// Resolver may be destroyed first.
  static void run(const std::shared_ptr<Shared>& self);

  const ResolverOptions options;

  std::mutex mutex;
  std::condition_variable wake;      // wakes the thread if a name may be due, or if the thread has
                                     // to stop
  std::condition_variable progress;  // wakes the control thread when a look-up has finished
  std::vector<std::weak_ptr<BackendTarget>> names;
  bool stopping = false;

  std::mutex eventMutex;  // held during onEvent, so that onEvent does not run after the destructor
  bool silent = false;

 private:
  std::shared_ptr<BackendTarget> earliest();
  void lookUp(BackendTarget& target, bool askSrv);
  Result<TargetSet> resolve(BackendTarget& target, bool askSrv) const;
  void store(BackendTarget& target, Result<TargetSet> answer);
  void tell(ResolveEvent event, const std::string& text);
};

/// Returns the name that is due first, and drops names whose targets are gone. Call with the mutex
/// held.
std::shared_ptr<BackendTarget> BackendTarget::Shared::earliest() {
  std::shared_ptr<BackendTarget> first;
  std::erase_if(names, [&first](const std::weak_ptr<BackendTarget>& weak) {
    auto target = weak.lock();
    if (target && (!first || target->lookup_.next < first->lookup_.next)) first = target;
    return target == nullptr;
  });
  return first;
}

void BackendTarget::Shared::run(const std::shared_ptr<Shared>& self) {
  std::unique_lock lock(self->mutex);
  while (!self->stopping) {
    auto target = self->earliest();
    if (target == nullptr) {
      self->wake.wait(lock);
    } else if (TimePoint due = target->lookup_.next; due > Clock::now()) {
      target.reset();  // the sleeping thread must not keep a removed name alive
      self->wake.wait_until(lock, due);
    } else {
      target->lookup_.next = kNever;  // requests during this look-up do not start another look-up
      const bool askSrv = target->lookup_.srvUntil <= Clock::now();
      lock.unlock();
      self->lookUp(*target, askSrv);
      target.reset();
      lock.lock();
    }
  }
}

void BackendTarget::Shared::lookUp(BackendTarget& target, bool askSrv) {
  bool asked = false;  // the records of the SRV name are new
  try {
    Result<TargetSet> answer = resolve(target, askSrv);
    asked = askSrv && answer && !target.srv_.empty();
    store(target, std::move(answer));
  } catch (const std::bad_alloc&) {  // keep the last set
  }
  std::lock_guard lock(mutex);
  TimePoint now = Clock::now();
  target.lookup_.last = now;
  target.lookup_.next = now + options.interval;
  if (asked)
    target.lookup_.srvUntil =
        now + std::clamp(target.records_.ttl, options.shortestTtl, options.longestTtl);
  if (target.lookup_.srvUntil > now)
    target.lookup_.next = std::min(target.lookup_.next, target.lookup_.srvUntil);
  target.lookup_.answered = true;
  progress.notify_all();
}

/// Looks up the addresses of the target; for an SRV name with the known records, or with `askSrv`
/// with new ones.
Result<TargetSet> BackendTarget::Shared::resolve(BackendTarget& target, bool askSrv) const {
  if (target.srv_.empty()) {
    Result<AddressSet> found = options.lookup(target.host_, target.port_);
    if (!found) return tl::unexpected(found.error());
    if (found->empty()) return fail(fmt::format("cannot resolve {}: no address", target.host_));
    return TargetSet{std::move(*found), {}};
  }
  if (askSrv) {
    Result<SrvAnswer> records = options.srv(target.srv_);
    if (!records) return tl::unexpected(records.error());
    target.records_ = std::move(*records);
  }
  return resolveTargets(target.records_, options.lookup);
}

void BackendTarget::Shared::store(BackendTarget& target, Result<TargetSet> answer) {
  bool wasFailing = std::exchange(target.lookup_.failing, !answer);
  auto before = target.set();
  const AddressSet& old = before->addresses;
  if (!answer) {
    if (wasFailing) return;
    std::string rest = old.empty()
                           ? "no address is known yet, its tunnels wait until connect-timeout"
                           : "keeping " + listText(old);
    return tell(ResolveEvent::kFailed,
                fmt::format("backend {}: {}; {}", target.text_, answer.error().text, rest));
  }
  bool same = sameSets(*before, *answer);
  auto next = std::make_shared<const TargetSet>(std::move(*answer));
  {
    std::lock_guard lock(target.mutex_);
    target.set_ = next;
  }
  std::string now = listText(next->addresses);
  if (old.empty()) {
    tell(ResolveEvent::kResolved, fmt::format("backend {} is {}", target.text_, now));
  } else if (!same) {
    tell(ResolveEvent::kChanged,
         fmt::format("backend {} is now {}, was {}", target.text_, now, listText(old)));
  } else if (wasFailing) {
    tell(ResolveEvent::kRecovered, fmt::format("backend {} resolves again: {}", target.text_, now));
  }
}

void BackendTarget::Shared::tell(ResolveEvent event, const std::string& text) {
  std::lock_guard lock(eventMutex);
  if (!silent && options.onEvent) options.onEvent(event, text);
}

BackendTarget::BackendTarget(const SocketAddress& address)
    : text_(address.text()),
      host_(address.isUnix() ? std::string() : address.hostText()),
      set_(std::make_shared<const TargetSet>(TargetSet{{address}, {}})) {}

BackendTarget::BackendTarget(const BackendSpec& name, std::shared_ptr<Shared> resolver)
    : text_(name.text()),
      srv_(name.srv),
      host_(name.srv.empty() ? name.address.host : name.srvDomain()),
      port_(name.address.port),
      resolver_(std::move(resolver)),
      set_(std::make_shared<const TargetSet>()) {}

BackendTarget::~BackendTarget() = default;

std::shared_ptr<const AddressSet> BackendTarget::addresses() const {
  auto whole = set();
  return {whole, &whole->addresses};
}

std::shared_ptr<const TargetSet> BackendTarget::set() const {
  if (resolver_ == nullptr) return set_;  // the address of a literal never changes
  std::lock_guard lock(mutex_);
  return set_;
}

void BackendTarget::refreshSoon() {
  if (resolver_ == nullptr) return;
  std::lock_guard lock(resolver_->mutex);
  // If `next` is kNever, a look-up is in progress, so no further look-up is needed.
  if (lookup_.next == kNever || resolver_->stopping) return;
  lookup_.srvUntil = {};  // the records may have changed too
  TimePoint soonest = lookup_.last + resolver_->options.minGap;
  if (lookup_.next <= soonest) return;
  lookup_.next = soonest;
  resolver_->wake.notify_one();
}

Resolver::Resolver(ResolverOptions options)
    : shared_(std::make_shared<BackendTarget::Shared>(std::move(options))) {}

Resolver::~Resolver() {
  {
    std::lock_guard lock(shared_->eventMutex);
    shared_->silent = true;
  }
  {
    std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
    shared_->wake.notify_all();
  }
  thread_.stop();
}

std::shared_ptr<BackendTarget> Resolver::target(const AddressSpec& spec) {
  return target(BackendSpec{.address = spec, .srv = {}});
}

std::shared_ptr<BackendTarget> Resolver::target(const BackendSpec& spec) {
  if (spec.srv.empty() && spec.address.kind != AddressKind::kHostName)
    return std::make_shared<BackendTarget>(spec.address.address);
  std::lock_guard lock(shared_->mutex);
  std::string text = spec.text();
  for (const auto& weak : shared_->names) {
    if (auto known = weak.lock(); known && known->text_ == text) return known;
  }
  // make_shared cannot reach the private constructor.
  std::shared_ptr<BackendTarget> added(new BackendTarget(spec, shared_));
  shared_->names.push_back(added);
  shared_->wake.notify_one();
  return added;
}

Result<void> Resolver::start() {
  if (thread_.running()) return {};
  {
    std::lock_guard lock(shared_->mutex);
    if (shared_->names.empty()) return {};
  }
  return thread_.start("culvert-dns", shared_->options.onThreadStart,
                       [shared = shared_] { BackendTarget::Shared::run(shared); });
}

bool Resolver::waitFirstAnswers(Millis limit) {
  std::unique_lock lock(shared_->mutex);
  return shared_->progress.wait_for(lock, limit, [this] {
    return std::all_of(shared_->names.begin(), shared_->names.end(), [](const auto& weak) {
      auto target = weak.lock();
      return !target || target->lookup_.answered;
    });
  });
}

}  // namespace culvert
