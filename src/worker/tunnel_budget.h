// SPDX-License-Identifier: GPL-3.0-or-later
// TunnelBudget counts the places that max-tunnels allows. The acceptor takes a place for each
// connection, and a worker returns the place when the connection's descriptors are closed. A place
// stands for two descriptors. If a connection needs a third descriptor for a moment, the descriptor
// comes from the free places. A flag tells workers that the acceptor waits for a place. Thread:
// any.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>

namespace culvert {

class TunnelBudget {
 public:
  /// `wake` runs on the worker's thread when a place is returned while the acceptor waits for a
  /// place. Set `wake` before the acceptor's thread starts. Workers may run already, because they
  /// do not read `wake` before beginWaiting().
  void setWake(std::function<void()> wake) { wake_ = std::move(wake); }

  void setLimit(size_t limit) { limit_.store(limit); }
  size_t limit() const { return limit_.load(std::memory_order_relaxed); }
  size_t open() const { return open_.load(std::memory_order_relaxed); }

  /// How many of the places are reserved for tunnels whose backend counts as up.
  size_t reserve() const { return std::min(limit() / 8, kMostReserve); }
  /// How many waiting tunnels have to close to make the reserve free again; 0 if the reserve is
  /// free.
  size_t excess() const {
    const size_t mark = limit() - reserve();
    const size_t now = open() + 1;
    return now > mark ? now - mark : 0;
  }
  bool scarce() const { return excess() != 0; }

  /// Asks the workers to close waiting tunnels whose backend is down, `places` of them in total.
  void ask(size_t places) { asked_.store(places, std::memory_order_relaxed); }
  [[nodiscard]] bool takeAsked() {
    size_t asked = asked_.load(std::memory_order_relaxed);
    while (asked != 0 && !asked_.compare_exchange_weak(asked, asked - 1)) {
    }
    return asked != 0;
  }

  bool full() const { return open_.load() + placesOf(spare_.load()) >= limit_.load(); }
  /// Thread: acceptor.
  void take() {
    const size_t open = open_.fetch_add(1) + 1;
    if (open > most_.load(std::memory_order_relaxed)) most_.store(open, std::memory_order_relaxed);
  }

  void giveBack() {
    open_.fetch_sub(1);
    wakeWaiting();
  }

  /// Takes one descriptor in addition to a tunnel's two descriptors. Returns false if no descriptor
  /// is free.
  [[nodiscard]] bool takeSpare() {
    const size_t spare = spare_.fetch_add(1) + 1;
    if (open_.load() + placesOf(spare) <= limit_.load()) return true;
    giveSpareBack();
    return false;
  }
  void giveSpareBack() {
    spare_.fetch_sub(1);
    wakeWaiting();
  }

  /// Returns the largest number of places that were in use at the same time since the previous
  /// call. Thread: control.
  size_t takeMost() { return most_.exchange(open(), std::memory_order_relaxed); }

  /// Announces that the acceptor waits for a place. Check full() again afterwards, because a place
  /// may have been returned just before the announcement.
  void beginWaiting() { waiting_.store(true); }
  /// Wakes the acceptor if it waits, for a place or for memory.
  void wakeWaiting() {
    if (waiting_.load() && waiting_.exchange(false)) wake_();
  }

 private:
  static constexpr size_t kMostReserve = 256;

  static size_t placesOf(size_t spare) { return (spare + 1) / 2; }

  std::atomic<size_t> open_{0};
  std::atomic<size_t> spare_{0};
  std::atomic<size_t> asked_{0};
  std::atomic<size_t> most_{0};
  std::atomic<size_t> limit_{0};
  std::atomic<bool> waiting_{false};
  std::function<void()> wake_;
};

}  // namespace culvert
