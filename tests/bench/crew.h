// SPDX-License-Identifier: GPL-3.0-or-later
// Crew: the load client as several processes that act as one. They begin at the same moment, keep
// their tallies in shared memory, and end with the first process, which measures and reports.
#pragma once

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <new>
#include <vector>

#include "bench.h"

namespace culvert::bench {

struct Tally {
  uint64_t units = 0, bytes = 0, failed = 0, resumed = 0;
  std::array<char, 120> why{};  // the first failure, in words without quotes

  void note(const char* reason) {
    if (failed++ == 0) std::strncpy(why.data(), reason, why.size() - 1);
  }
  void add(const Tally& other) {
    units += other.units;
    bytes += other.bytes;
    resumed += other.resumed;
    if (failed == 0) why = other.why;
    failed += other.failed;
  }
};

class Crew {
 public:
  struct Result {
    Tally tally;
    Histogram latency;
  };

  /// Forks `size` - 1 times and returns in every process; with one process nothing is forked.
  explicit Crew(size_t size) : size_(size < 1 ? 1 : size) {
    const size_t bytes = sizeof(Board) + size_ * sizeof(Result);
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) die("mmap");
    board_ = new (memory) Board;
    results_ = reinterpret_cast<Result*>(static_cast<char*>(memory) + sizeof(Board));
    for (size_t i = 0; i < size_; ++i) new (results_ + i) Result;
    const pid_t first = getpid();
    for (size_t i = 1; i < size_ && index_ == 0; ++i) {
      const pid_t pid = fork();
      if (pid < 0) die("fork");
      if (pid == 0) {
        index_ = i;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != first) _exit(1);
      } else {
        others_.push_back(pid);
      }
    }
  }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  bool first() const { return index_ == 0; }
  Result& mine() { return results_[index_]; }

  /// This process's part of `total`.
  size_t share(size_t total) const { return total / size_ + (index_ < total % size_ ? 1 : 0); }

  /// The CPUs this crew may use, dealt out: each process stays on one of them.
  void pin() const {
    cpu_set_t allowed;
    sched_getaffinity(0, sizeof allowed, &allowed);
    std::vector<int> cpus;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &allowed)) cpus.push_back(cpu);
    }
    if (cpus.empty()) return;
    CPU_ZERO(&allowed);
    CPU_SET(cpus[index_ % cpus.size()], &allowed);
    sched_setaffinity(0, sizeof allowed, &allowed);
  }

  /// All process ids, comma-separated (in the first process).
  std::string pids() const {
    std::string list = std::to_string(getpid());
    for (const pid_t pid : others_) list += "," + std::to_string(pid);
    return list;
  }

  /// Waits until every process is here; the same moment for all of them.
  uint64_t startTogether() {
    ++board_->here;
    if (first()) {
      while (board_->here < size_) pause();
      board_->begin = nowNs();
    }
    while (board_->begin == 0) pause();
    return board_->begin;
  }

  /// First process: lets the others go on from awaitRelease().
  void release() { board_->released = 1; }
  void awaitRelease() {
    while (board_->released == 0) pause();
  }

  /// First process: waits for the end of the others and sums up. The others end here.
  Result gather() {
    if (!first()) std::_Exit(0);
    for (const pid_t pid : others_) {
      int status = 0;
      if (waitpid(pid, &status, 0) != pid || status != 0) std::_Exit(1);  // it has said why
    }
    others_.clear();
    return sum();
  }

  /// What all processes have in their tallies now.
  Result sum() const {
    Result sum;
    for (size_t i = 0; i < size_; ++i) {
      sum.tally.add(results_[i].tally);
      sum.latency.add(results_[i].latency);
    }
    return sum;
  }

 private:
  struct alignas(64) Board {
    std::atomic<uint64_t> here{0}, begin{0}, released{0};
  };

  /// A little sleep; a process that failed takes all down with it.
  void pause() const {
    usleep(500);
    int status = 0;
    for (const pid_t pid : others_) {
      if (waitpid(pid, &status, WNOHANG) == pid) std::_Exit(1);
    }
  }

  const size_t size_;
  size_t index_ = 0;
  std::vector<pid_t> others_;
  Board* board_ = nullptr;
  Result* results_ = nullptr;
};

}  // namespace culvert::bench
