// SPDX-License-Identifier: GPL-3.0-or-later
// SimRandom is the one source of chance of a simulation: the same seed gives the same numbers on every
// machine and with every library. Thread: any (values).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace culvert::simulation {

class SimRandom {
 public:
  explicit SimRandom(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 0x2545f4914f6cdd1du) {}

  /// SplitMix64.
  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  /// 0 .. n-1; `n` is not 0.
  size_t below(size_t n) { return static_cast<size_t>(next() % n); }
  bool percent(unsigned chance) { return below(100) < chance; }

  template <class T, size_t N>
  const T& pick(const std::array<T, N>& of) {
    return of[below(N)];
  }

 private:
  uint64_t state_;
};

}  // namespace culvert::simulation
