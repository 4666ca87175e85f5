// SPDX-License-Identifier: GPL-3.0-or-later
// SourceTable counts the open tunnels of each source, and has a token bucket for its new tunnels. Its
// memory is bounded: a source without open tunnels is forgotten when its bucket is full again, or
// earlier if there are too many sources. A source with open tunnels is never forgotten, so the table
// may exceed its bound only by open tunnels. Thread: any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "base/clock.h"
#include "base/intrusive_list.h"
#include "limit/source_key.h"

namespace culvert {

class SourceTable {
 public:
  static constexpr size_t kMostSources = 65536;

  enum class Verdict : uint8_t { kOk, kTooMany, kTooFast };

  /// The limits of one source; 0 means "no limit".
  struct Limits {
    uint64_t open = 0;  ///< tunnels that may be open
    uint64_t rate = 0;  ///< new tunnels a second; a source may use up one second's worth at once
  };

  explicit SourceTable(size_t most = kMostSources, uint64_t seed = SourceKey::processSeed());
  SourceTable(const SourceTable&) = delete;
  SourceTable& operator=(const SourceTable&) = delete;

  /// Counts a new tunnel of `source` and takes a token, or says which limit forbids the tunnel. A
  /// refused tunnel takes no token.
  Verdict enter(const SourceKey& source, const Limits& limits, TimePoint now);
  /// Call once for each tunnel that was counted, when the tunnel ends.
  void leave(const SourceKey& source);
  /// Call instead of leave() if the tunnel never began. Also returns its token. `limits` are those
  /// of enter().
  void takeBack(const SourceKey& source, const Limits& limits);

  /// Number of sources in the table.
  size_t size() const;
  /// Number of open tunnels of a source.
  size_t openOf(const SourceKey& source) const;

 private:
  struct Entry : ListNode<Entry> {
    SourceKey source;
    size_t open = 0;
    TimePoint fullAt{};  // when the bucket is full again
  };
  using Entries = std::unordered_map<SourceKey, Entry, SourceKeyHash>;
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    Entries entries;
    IntrusiveList<Entry> idle;  // without open tunnels, the one that was idle first in front
    TimePoint now{};            // of the last call of enter()
  };
  static constexpr size_t kShards = 8;

  Shard& shardOf(const SourceKey& source);
  const Shard& shardOf(const SourceKey& source) const;
  static void forget(Shard& shard, Entry& entry);
  void makeRoom(Shard& shard) const;
  void end(const SourceKey& source, Clock::duration token);

  const size_t mostInShard_;
  const uint64_t seed_;
  std::array<Shard, kShards> shards_;
};

}  // namespace culvert
