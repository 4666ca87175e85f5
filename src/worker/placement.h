// SPDX-License-Identifier: GPL-3.0-or-later
// Placement chooses the worker with the least load (open tunnels and connections on their way) for
// the next connection. With more than eight workers, it draws two workers at random and chooses the
// less loaded of the two. This spreads the load nearly as evenly as a search of all workers,
// without reading every worker's cache line for each connection. Thread: acceptor.
#pragma once

#include <cstddef>
#include <cstdint>

namespace culvert {

class Placement {
 public:
  static constexpr size_t kReadAll = 8;

  /// Returns the index of the chosen worker. `count` is the number of workers (> 0). `loadOf(i)`
  /// returns the load of worker i.
  template <class LoadOf>
  size_t pick(size_t count, LoadOf loadOf) {
    if (count > kReadAll) {
      const size_t a = random(count);
      const size_t b = random(count);
      return loadOf(b) < loadOf(a) ? b : a;
    }
    // Each search begins at the next worker, so that workers with equal load take turns.
    size_t best = next_++ % count;
    for (size_t i = 1; i < count; ++i) {
      const size_t other = (best + i) % count;
      if (loadOf(other) < loadOf(best)) return pickFrom(count, other, loadOf);
    }
    return best;
  }

 private:
  template <class LoadOf>
  static size_t pickFrom(size_t count, size_t best, LoadOf loadOf) {
    for (size_t i = 0; i < count; ++i) {
      if (loadOf(i) < loadOf(best)) best = i;
    }
    return best;
  }

  size_t random(size_t bound) {
    state_ ^= state_ << 13;  // xorshift64 is enough, because guessing a number does not help an
                             // attacker
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<size_t>(state_ % bound);
  }

  size_t next_ = 0;
  uint64_t state_ = 0x9e3779b97f4a7c15;
};

}  // namespace culvert
