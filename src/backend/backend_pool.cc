// SPDX-License-Identifier: GPL-3.0-or-later
// See backend_pool.h.
#include "backend/backend_pool.h"

#include <algorithm>
#include <random>
#include <utility>

namespace culvert {
namespace {

/// xorshift64*. Balancing needs no secret numbers.
struct Generator {
  uint64_t state = uint64_t{std::random_device()()} << 1 | 1;  // not 0
  uint64_t operator()() {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1d;
  }
};

}  // namespace

struct BackendSlot {
  explicit BackendSlot(SocketAddress at) : address(std::move(at)), key(addressKey(address)) {}

  const SocketAddress address;
  const uint64_t key;
  std::atomic<uint64_t> open{0};
  // guarded by Table::mutex
  int64_t turn = 0;
  HealthTrack health;
  NewsGate checkGate, ejectGate;
  PoolNews lastCheck, lastEjection;  // the latest change, which may not be logged yet
};

/// The state that the pools of a service's configurations share.
struct BackendPool::Table {
  explicit Table(std::function<uint64_t()> random)
      : balancer(random ? std::move(random) : Generator{}) {}

  mutable std::mutex mutex;
  std::atomic<bool> calm{true};  // no failures are counted, and no address is down by checks
  std::atomic<size_t> size{0};   // of `slots`
  // guarded by `mutex`
  SlotMap slots;
  Ejection ejection;
  Balancer balancer;

  std::mutex changeMutex;
  std::function<void()> onDownChange;  // guarded by changeMutex

  // Call with the mutex held.
  const std::shared_ptr<BackendSlot>& slot(const SocketAddress& address);
  void note();
  std::optional<PoolNews> told(PoolNews& latest, NewsGate& gate, PoolNews news, TimePoint now);
  void takeReturned(std::vector<PoolNews>& news, TimePoint now);
  void forget(const AddressSet& current);
};

struct BackendPool::Candidate {
  std::shared_ptr<BackendSlot> slot;
  PoolShare share;
  enum class Kind : uint8_t { kUsable, kFull, kDown } kind = Kind::kUsable;
};

BackendHold& BackendHold::operator=(BackendHold&& other) noexcept {
  if (this == &other) return *this;
  release();
  slot_ = std::move(other.slot_);
  return *this;
}

const SocketAddress& BackendHold::address() const { return slot_->address; }

void BackendHold::release() noexcept {
  if (slot_ == nullptr) return;
  slot_->open.fetch_sub(1, std::memory_order_relaxed);
  slot_.reset();
}

const std::shared_ptr<BackendSlot>& BackendPool::Table::slot(const SocketAddress& address) {
  auto& slot = slots[address];
  if (slot == nullptr) slot = std::make_shared<BackendSlot>(address);
  size.store(slots.size(), std::memory_order_relaxed);
  return slot;
}

void BackendPool::Table::note() {
  const bool anyDown = std::any_of(slots.begin(), slots.end(),
                                   [](const auto& entry) { return entry.second->health.down(); });
  calm.store(ejection.empty() && !anyDown, std::memory_order_relaxed);
}

/// Records the change `news`, and returns it if it has to be logged now.
std::optional<PoolNews> BackendPool::Table::told(PoolNews& latest, NewsGate& gate, PoolNews news,
                                                 TimePoint now) {
  const bool up = news.event == PoolEvent::kUp || news.event == PoolEvent::kReturned;
  latest = std::move(news);
  const auto untold = gate.changed(up, now);
  if (!untold) return std::nullopt;
  latest.untold = *untold;
  return latest;
}

/// Adds the ejections that are over because of the time.
void BackendPool::Table::takeReturned(std::vector<PoolNews>& news, TimePoint now) {
  for (const Ejection::Return& back : ejection.takeReturned(now)) {
    BackendSlot& at = *slot(back.address);
    PoolNews change{.event = PoolEvent::kReturned, .address = at.address, .lasted = back.lasted};
    if (auto one = told(at.lastEjection, at.ejectGate, std::move(change), now))
      news.push_back(std::move(*one));
  }
}

/// Drops the slots of addresses that the service no longer has and that no tunnel holds.
void BackendPool::Table::forget(const AddressSet& current) {
  std::erase_if(slots, [&](const auto& entry) {
    return entry.second.use_count() == 1 &&
           std::find(current.begin(), current.end(), entry.first) == current.end();
  });
  size.store(slots.size(), std::memory_order_relaxed);
  ejection.keepOnly(current);
}

BackendPool::BackendPool(PoolOptions options, std::vector<PoolTarget> targets,
                         const BackendPool* before)
    : options_(std::move(options)), targets_(std::move(targets)) {
  const auto same = [](const PoolTarget& a, const PoolTarget& b) {
    return a.target->text() == b.target->text();
  };
  table_ = before != nullptr ? before->table_ : std::make_shared<Table>(options_.random);
  const bool known =
      before != nullptr && std::equal(targets_.begin(), targets_.end(), before->targets_.begin(),
                                      before->targets_.end(), same);
  memory_ = known ? before->memory_ : std::make_shared<BackendMemory>();
  {
    const std::lock_guard lock(table_->mutex);
    for (const PoolTarget& one : targets_) {
      if (!one.target->fixed()) continue;
      const SocketAddress& address = one.target->addresses()->front();
      fixed_.emplace(address, table_->slot(address));
    }
    noteChecks();
  }
  toldDown_.store(down());
}

BackendPool::~BackendPool() = default;

AddressSet BackendPool::addresses() const {
  AddressSet all;
  for (const PoolTarget& one : targets_) {
    const auto addresses = one.target->addresses();
    all.insert(all.end(), addresses->begin(), addresses->end());
  }
  return all;
}

/// The only place that knows the weight and the priority of an address.
/// The weight of an SRV record counts besides that of the configuration. A record of weight 0 gets
/// the smallest share (RFC 2782).
PoolShare BackendPool::shareOf(const PoolTarget& target, const SocketAddress& address) const {
  PoolShare share{.weight = target.weight};
  if (target.target->fixed()) return share;
  const auto set = target.target->set();
  if (set->ranks.empty()) return share;
  const auto found = std::find(set->addresses.begin(), set->addresses.end(), address);
  if (found == set->addresses.end()) return share;
  const AddressRank& rank = set->ranks[static_cast<size_t>(found - set->addresses.begin())];
  share.weight *= std::max<unsigned>(rank.weight, 1);
  share.priority = rank.priority;
  return share;
}

/// True if the order of the list is the order of the pass, except for silent addresses.
bool BackendPool::ordinary() const {
  return options_.balance == Balance::kFirst && options_.maxTunnels == 0 &&
         table_->calm.load(std::memory_order_relaxed);
}

std::vector<BackendTarget*> BackendPool::plan(AddressSet& pass, uint64_t client, TimePoint now) {
  std::vector<BackendTarget*> unresolved;
  pass.clear();
  const bool asListed = ordinary();
  for (const PoolTarget& one : targets_) {
    const auto addresses = one.target->addresses();
    if (addresses->empty()) unresolved.push_back(one.target.get());
    pass.insert(pass.end(), addresses->begin(), addresses->end());
  }
  if (!asListed && pass.size() > 1) {
    pass.clear();
    const std::lock_guard lock(table_->mutex);
    auto all = candidates(now);
    arrange(all, client);
    for (const Candidate& one : all) pass.push_back(one.slot->address);
  }
  memory_->order(pass, now);
  return unresolved;
}

/// Returns the addresses in the order of the list. Call with the table's mutex held.
std::vector<BackendPool::Candidate> BackendPool::candidates(TimePoint now) {
  std::vector<Candidate> all;
  for (const PoolTarget& target : targets_) {
    const auto addresses = target.target->addresses();
    for (const SocketAddress& address : *addresses) {
      const auto& slot = table_->slot(address);
      const bool known = std::any_of(all.begin(), all.end(),
                                     [&](const Candidate& one) { return one.slot == slot; });
      if (known) continue;
      auto kind = Candidate::Kind::kUsable;
      if ((options_.checked && slot->health.down()) || table_->ejection.ejected(address, now)) {
        kind = Candidate::Kind::kDown;
      } else if (options_.maxTunnels != 0 && slot->open.load() >= options_.maxTunnels) {
        kind = Candidate::Kind::kFull;
      }
      all.push_back({slot, shareOf(target, address), kind});
    }
  }
  return all;
}

/// Sorts by kind and priority, and the usable ones of a priority by balance. Call with the table's
/// mutex held.
void BackendPool::arrange(std::vector<Candidate>& all, uint64_t client) {
  const auto rank = [](const Candidate& one) { return std::pair(one.kind, one.share.priority); };
  std::stable_sort(all.begin(), all.end(),
                   [&](const Candidate& a, const Candidate& b) { return rank(a) < rank(b); });
  for (auto begin = all.begin(); begin != all.end();) {
    const auto end = std::find_if(begin, all.end(),
                                  [&](const Candidate& one) { return rank(one) != rank(*begin); });
    std::vector<Balancer::Entry> entries;
    for (auto at = begin; at != end; ++at)
      entries.push_back({at->slot->key, at->share.weight, at->slot->open.load(), at->slot->turn});
    // Only usable addresses take turns. The others are in the order of the list.
    const bool usable = begin->kind == Candidate::Kind::kUsable;
    const auto order =
        table_->balancer.order(usable ? options_.balance : Balance::kFirst, entries, client);
    std::vector<Candidate> sorted;
    for (const size_t index : order) {
      Candidate& one = *(begin + static_cast<std::ptrdiff_t>(index));
      one.slot->turn = entries[index].turn;
      sorted.push_back(std::move(one));
    }
    std::move(sorted.begin(), sorted.end(), begin);
    begin = end;
  }
}

std::shared_ptr<BackendSlot> BackendPool::slotOf(const SocketAddress& address) {
  if (const auto found = fixed_.find(address); found != fixed_.end()) return found->second;
  const std::lock_guard lock(table_->mutex);
  return table_->slot(address);
}

std::optional<BackendHold> BackendPool::take(const SocketAddress& address) {
  auto slot = slotOf(address);
  if (options_.maxTunnels == 0) {
    slot->open.fetch_add(1, std::memory_order_relaxed);
    return BackendHold(std::move(slot));
  }
  uint64_t open = slot->open.load();
  do {
    if (open >= options_.maxTunnels) return std::nullopt;
  } while (!slot->open.compare_exchange_weak(open, open + 1));
  return BackendHold(std::move(slot));
}

MaybeNews BackendPool::connectFailed(const SocketAddress& address, int sysErrno,
                                     const AddressSet& tried, TimePoint now) {
  auto news = memory_->failed(address, sysErrno, tried, now);
  noteDown();
  return news;
}

MaybeNews BackendPool::connectSilent(const SocketAddress& address, int sysErrno, Millis waited,
                                     const AddressSet& tried, TimePoint now) {
  auto news = memory_->silent(address, sysErrno, waited, tried, now);
  noteDown();
  return news;
}

MaybeNews BackendPool::connected(const SocketAddress& address, TimePoint now) {
  auto news = memory_->answered(address, now);
  noteDown();
  return news;
}

void BackendPool::unresolved() {
  memory_->unresolved();
  noteDown();
}

BackendPool::Verdict BackendPool::tunnelFailed(const SocketAddress& address, std::string_view why,
                                               TimePoint now) {
  if (options_.ejection.failures == 0) return {};
  const AddressSet all = addresses();
  if (all.size() < 2) return {};
  Verdict verdict;
  const std::lock_guard lock(table_->mutex);
  table_->takeReturned(verdict.news, now);
  const auto out = table_->ejection.failed(address, all, options_.ejection, now);
  table_->note();
  if (!out) return verdict;
  verdict.ejected = true;
  BackendSlot& slot = *table_->slot(address);
  PoolNews news{.event = PoolEvent::kEjected,
                .address = address,
                .why = std::string(why),
                .failures = out->failures,
                .time = out->time};
  if (auto one = table_->told(slot.lastEjection, slot.ejectGate, std::move(news), now))
    verdict.news.push_back(std::move(*one));
  return verdict;
}

std::optional<PoolNews> BackendPool::tunnelWorks(const SocketAddress& address, TimePoint now) {
  if (table_->calm.load(std::memory_order_relaxed)) return std::nullopt;
  const std::lock_guard lock(table_->mutex);
  const auto back = table_->ejection.succeeded(address, now);
  table_->note();
  if (!back) return std::nullopt;
  BackendSlot& slot = *table_->slot(address);
  PoolNews news{.event = PoolEvent::kReturned, .address = address, .lasted = back->lasted};
  return table_->told(slot.lastEjection, slot.ejectGate, std::move(news), now);
}

BackendEvents BackendPool::probed(const SocketAddress& address, bool ok, std::string_view why,
                                  TimePoint now) {
  BackendEvents events;
  // A check that succeeds has reached the address.
  if (ok)
    if (auto news = memory_->answered(address, now)) events.addresses.push_back(std::move(*news));
  {
    const std::lock_guard lock(table_->mutex);
    BackendSlot& slot = *table_->slot(address);
    if (const auto change = slot.health.result(ok, options_.health, now)) {
      PoolNews news{.event = ok ? PoolEvent::kUp : PoolEvent::kDown,
                    .address = address,
                    .why = std::string(why),
                    .failures = ok ? 0 : change->results,
                    .lasted = change->lasted};
      if (auto one = table_->told(slot.lastCheck, slot.checkGate, std::move(news), now))
        events.pool.push_back(std::move(*one));
      table_->note();
    }
    noteChecks();
  }
  noteDown();
  return events;
}

BackendEvents BackendPool::overdue(TimePoint now) {
  BackendEvents events{memory_->overdue(now), {}};
  noteDown();
  const bool grown = table_->size.load(std::memory_order_relaxed) != fixed_.size();
  if (table_->calm.load(std::memory_order_relaxed) && !grown && !checksDown_.load()) return events;
  const AddressSet current = addresses();
  {
    const std::lock_guard lock(table_->mutex);
    table_->takeReturned(events.pool, now);
    for (auto& [address, slot] : table_->slots) {
      for (auto [gate, latest] : {std::pair(&slot->checkGate, &slot->lastCheck),
                                  std::pair(&slot->ejectGate, &slot->lastEjection)}) {
        const auto untold = gate->due(now);
        if (!untold) continue;
        latest->untold = *untold;
        events.pool.push_back(*latest);
      }
    }
    table_->forget(current);
    table_->note();
    noteChecks();
  }
  noteDown();
  return events;
}

std::vector<BackendState> BackendPool::report(TimePoint now) const {
  std::vector<BackendState> all;
  for (const PoolTarget& one : targets_) {
    const auto addresses = one.target->addresses();
    if (addresses->empty()) all.push_back({.name = one.target->text(), .share = {one.weight}});
    for (const SocketAddress& address : *addresses) {
      BackendState state{.address = address,
                         .name = one.target->text(),
                         .share = shareOf(one, address),
                         .connects = memory_->report(address)};
      const std::lock_guard lock(table_->mutex);
      if (const auto found = table_->slots.find(address); found != table_->slots.end()) {
        const BackendSlot& slot = *found->second;
        state.open = slot.open.load(std::memory_order_relaxed);
        if (options_.checked) {
          state.check = slot.health.state();
          state.checkedSince = slot.health.since();
          if (slot.health.down()) state.checkError = slot.lastCheck.why;
        }
        state.ejectedUntil = table_->ejection.ejectedUntil(address, now);
      }
      all.push_back(std::move(state));
    }
  }
  return all;
}

size_t BackendPool::downCount(TimePoint now) const {
  const auto all = report(now);
  return static_cast<size_t>(std::count_if(all.begin(), all.end(), [](const BackendState& one) {
    return !one.address.isSet() || one.check == CheckState::kDown ||
           one.connects.status != AddressStatus::kUp || one.ejectedUntil != TimePoint{};
  }));
}

/// Computes whether every current address is down by checks. Call with the table's mutex held.
void BackendPool::noteChecks() {
  if (!options_.checked) return;
  const AddressSet all = addresses();
  checksDown_.store(!all.empty() &&
                    std::all_of(all.begin(), all.end(), [this](const auto& address) {
                      const auto found = table_->slots.find(address);
                      return found != table_->slots.end() && found->second->health.down();
                    }));
}

/// Calls onDownChange if down() has changed since the previous call. If another thread changes it
/// meanwhile, looks again, so that the last call is never missed.
void BackendPool::noteDown() {
  bool changed = false;
  bool is = toldDown_.load();
  while (down() != is) {
    is = !is;
    changed = toldDown_.exchange(is) != is || changed;
  }
  if (!changed) return;
  const std::lock_guard lock(table_->changeMutex);
  if (table_->onDownChange) table_->onDownChange();
}

void BackendPool::setOnDownChange(std::function<void()> changed) {
  const std::lock_guard lock(table_->changeMutex);
  table_->onDownChange = std::move(changed);
}

}  // namespace culvert
