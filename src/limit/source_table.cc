// SPDX-License-Identifier: GPL-3.0-or-later
// See source_table.h. A token bucket is one time: when the bucket will be full. Each token moves the
// time by its share of a second, and the bucket is empty when the time is a second ahead.
#include "limit/source_table.h"

#include <algorithm>

namespace culvert {
namespace {

constexpr Clock::duration kBucket = std::chrono::seconds(1);

/// The time in which a bucket gains one token.
Clock::duration tokenTime(uint64_t rate) {
  return rate == 0 ? Clock::duration{}
                   : kBucket / static_cast<Clock::duration::rep>(std::min<uint64_t>(
                                   rate, static_cast<uint64_t>(kBucket.count())));
}

}  // namespace

SourceTable::SourceTable(size_t most, uint64_t seed)
    : mostInShard_(std::max<size_t>(most / kShards, 1)), seed_(seed) {
  for (Shard& shard : shards_) shard.entries = Entries(0, SourceKeyHash{seed});
}

// The tables use the low bits of the hash, so the shard is chosen by the high bits.
SourceTable::Shard& SourceTable::shardOf(const SourceKey& source) {
  return shards_[source.hash(seed_) >> 61];
}
const SourceTable::Shard& SourceTable::shardOf(const SourceKey& source) const {
  return shards_[source.hash(seed_) >> 61];
}

void SourceTable::forget(Shard& shard, Entry& entry) {
  const SourceKey source = entry.source;
  shard.entries.erase(source);
}

/// Forgets idle sources with a full bucket: two at most, because a call of enter() adds one. If the
/// shard is full nevertheless, forgets the source that has been idle longest.
void SourceTable::makeRoom(Shard& shard) const {
  for (int i = 0; i < 2 && !shard.idle.empty(); ++i) {
    const bool full = shard.idle.front().fullAt <= shard.now;
    if (!full && shard.entries.size() < mostInShard_) return;
    forget(shard, shard.idle.front());
  }
}

SourceTable::Verdict SourceTable::enter(const SourceKey& source, const Limits& limits,
                                        TimePoint now) {
  Shard& shard = shardOf(source);
  const std::lock_guard lock(shard.mutex);
  shard.now = std::max(shard.now, now);
  auto found = shard.entries.find(source);
  if (found == shard.entries.end()) {
    makeRoom(shard);
    found = shard.entries.try_emplace(source).first;
    found->second.source = source;
    shard.idle.pushBack(found->second);
  }
  Entry& entry = found->second;
  if (limits.open != 0 && entry.open >= limits.open) return Verdict::kTooMany;
  if (limits.rate != 0) {
    const TimePoint full = std::max(entry.fullAt, now) + tokenTime(limits.rate);
    if (full - now > kBucket) return Verdict::kTooFast;
    entry.fullAt = full;
  }
  ++entry.open;
  entry.unlink();
  return Verdict::kOk;
}

void SourceTable::leave(const SourceKey& source) { end(source, {}); }

void SourceTable::takeBack(const SourceKey& source, const Limits& limits) {
  end(source, tokenTime(limits.rate));
}

void SourceTable::end(const SourceKey& source, Clock::duration token) {
  Shard& shard = shardOf(source);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.entries.find(source);
  if (found == shard.entries.end()) return;
  Entry& entry = found->second;
  if (entry.open != 0) --entry.open;
  entry.fullAt -= std::min(token, entry.fullAt.time_since_epoch());
  if (entry.open != 0) return;
  if (entry.fullAt <= shard.now)
    shard.entries.erase(found);
  else
    shard.idle.pushBack(entry);
}

size_t SourceTable::size() const {
  size_t sum = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.entries.size();
  }
  return sum;
}

size_t SourceTable::openOf(const SourceKey& source) const {
  const Shard& shard = shardOf(source);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.entries.find(source);
  return found != shard.entries.end() ? found->second.open : 0;
}

}  // namespace culvert
