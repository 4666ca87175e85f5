// SPDX-License-Identifier: GPL-3.0-or-later
// Which worker gets the next connection.
#include "worker/placement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace culvert {
namespace {

/// Places `n` connections and returns the loads.
std::vector<unsigned> place(Placement& placement, std::vector<unsigned> loads, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const size_t picked = placement.pick(loads.size(), [&](size_t w) { return loads[w]; });
    EXPECT_LT(picked, loads.size());
    ++loads[picked];
  }
  return loads;
}

TEST(Placement, OneWorkerGetsEverything) {
  Placement placement;
  EXPECT_EQ(place(placement, {0}, 10), (std::vector<unsigned>{10}));
}

TEST(Placement, TheLeastLoadedWins) {
  Placement placement;
  for (int i = 0; i < 20; ++i) {
    const std::vector<unsigned> loads = {5, 3, 4, 9};
    EXPECT_EQ(placement.pick(4, [&](size_t w) { return loads[w]; }), 1u);
  }
}

TEST(Placement, EqualsTakeTurns) {
  Placement placement;
  std::vector<unsigned> picks(4, 0);
  for (int i = 0; i < 40; ++i) ++picks[placement.pick(4, [](size_t) { return 7u; })];
  EXPECT_EQ(picks, (std::vector<unsigned>{10, 10, 10, 10}));
}

TEST(Placement, FillsUpWhatIsBehind) {
  for (size_t workers = 2; workers <= Placement::kReadAll; ++workers) {
    Placement placement;
    std::vector<unsigned> loads(workers, 0);
    loads[0] = 100;
    loads = place(placement, loads, 100 * (workers - 1));
    EXPECT_EQ(loads, std::vector<unsigned>(workers, 100));
    loads = place(placement, loads, 10 * workers);
    EXPECT_EQ(loads, std::vector<unsigned>(workers, 110));
  }
}

TEST(Placement, ManyWorkersAreNearlyEven) {
  for (const size_t workers : {9u, 16u, 61u}) {
    Placement placement;
    const std::vector<unsigned> loads =
        place(placement, std::vector<unsigned>(workers, 0), workers * 1000);
    EXPECT_EQ(std::accumulate(loads.begin(), loads.end(), 0u), workers * 1000);
    // Power of two choices: the worst lies a few above the average, however many there are.
    EXPECT_LE(*std::max_element(loads.begin(), loads.end()), 1010u);
    EXPECT_GE(*std::min_element(loads.begin(), loads.end()), 980u);
  }
}

TEST(Placement, ManyWorkersPreferTheBetterOfTwo) {
  Placement placement;
  // All but one are busy: it is drawn in about two of `workers` picks, and then it wins.
  constexpr size_t kWorkers = 10;
  size_t idle = 0;
  for (int i = 0; i < 10'000; ++i) {
    idle += placement.pick(kWorkers, [](size_t w) { return w == 3 ? 0u : 5u; }) == 3 ? 1 : 0;
  }
  EXPECT_GT(idle, 1600u);
  EXPECT_LT(idle, 2200u);
}

}  // namespace
}  // namespace culvert
