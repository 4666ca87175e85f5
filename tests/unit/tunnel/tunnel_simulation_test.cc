// SPDX-License-Identifier: GPL-3.0-or-later
// A seeded simulation of tunnels: scripted streams under a random driver, in simulated time, with
// invariants after every step (simulation/). CULVERT_SIM_SEED=N replays one seed, with
// CULVERT_SIM_TRACE=1 step by step. CULVERT_SIM_SEEDS=N or CULVERT_SIM_SECONDS=N make a longer sweep,
// from seed 1 or CULVERT_SIM_SEED on.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <limits>
#include <string>

#include "simulation/sim_run.h"

extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace culvert::simulation {
namespace {

#ifdef CULVERT_SANITIZED
constexpr uint64_t kUsualSeeds = 300;
#else
constexpr uint64_t kUsualSeeds = 3000;
#endif
constexpr unsigned kLongestSeconds = 120;  // of one seed, which takes a millisecond

uint64_t runningSeed = 0;

void tellRunningSeed() {
  const std::string text =
      "\nsimulation: seed " + std::to_string(runningSeed) +
      " was running; CULVERT_SIM_TRACE=1 CULVERT_SIM_SEED=" + std::to_string(runningSeed) +
      " shows its steps\n";
  (void)!::write(STDERR_FILENO, text.data(), text.size());
}

/// A run that ends the process, or never ends, names its seed.
void watchRuns() {
  const auto onSignal = [](int signal) {
    tellRunningSeed();
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  };
  for (const int signal : {SIGABRT, SIGSEGV, SIGALRM}) std::signal(signal, onSignal);
  if (&__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(tellRunningSeed);
}

uint64_t number(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr && *text != '\0' ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// What the environment asks for.
struct Sweep {
  const bool chosen = number("CULVERT_SIM_SEED", 0) != 0;
  const uint64_t seconds = number("CULVERT_SIM_SECONDS", 0);
  const uint64_t first = number("CULVERT_SIM_SEED", 1);
  const uint64_t seeds =
      number("CULVERT_SIM_SEEDS", seconds != 0 ? std::numeric_limits<uint64_t>::max()
                                  : chosen     ? 1
                                               : kUsualSeeds);
  const bool trace = number("CULVERT_SIM_TRACE", 0) != 0;
};

/// Runs a seed; one that finds a fault runs again to tell its last steps. Returns what is wrong.
std::string runSeed(uint64_t seed, bool trace, size_t& steps) {
  runningSeed = seed;
  ::alarm(kLongestSeconds);
  SimTrace words(trace);
  const SimResult result = SimRun(seed, trace ? &words : nullptr).run();
  if (!result.fault.empty() && !trace) (void)SimRun(seed, &words).run();
  ::alarm(0);
  steps += result.steps;
  if (result.fault.empty()) return "";
  return "seed " + std::to_string(seed) + ": " + result.fault +
         "\nCULVERT_SIM_SEED=" + std::to_string(seed) +
         " replays it, CULVERT_SIM_TRACE=1 shows every step. The last:\n" + words.last();
}

TEST(TunnelSimulation, Sweep) {
  const Sweep sweep;
  watchRuns();
  const TimePoint begin = Clock::now();
  const TimePoint until = deadlineAfter(begin, Millis(sweep.seconds * 1000));
  uint64_t ran = 0;
  size_t steps = 0;
  for (; ran < sweep.seeds && Clock::now() < until; ++ran) {
    const std::string fault = runSeed(sweep.first + ran, sweep.trace, steps);
    if (!fault.empty()) FAIL() << fault;
  }
  const auto took = std::chrono::duration_cast<Millis>(Clock::now() - begin).count();
  std::printf("simulation: %llu schedules from seed %llu on, %zu steps, %.1f s\n",
              static_cast<unsigned long long>(ran), static_cast<unsigned long long>(sweep.first),
              steps, static_cast<double>(took) / 1000);
}

TEST(TunnelSimulation, ASeedIsReplayed) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SimTrace once(false);
    SimTrace again(false);
    const SimResult first = SimRun(seed, &once).run();
    const SimResult second = SimRun(seed, &again).run();
    ASSERT_EQ(first.steps, second.steps) << "seed " << seed;
    ASSERT_EQ(first.digest, second.digest) << "seed " << seed;
    ASSERT_EQ(once.last(), again.last()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace culvert::simulation
