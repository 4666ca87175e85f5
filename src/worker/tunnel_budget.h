// SPDX-License-Identifier: GPL-3.0-or-later
// TunnelBudget counts the places that max-tunnels leaves: the acceptor takes one for each
// connection, a worker gives it back when the connection's descriptors are closed. A place is two
// descriptors; who needs a third for a moment takes it from the places that are free. It also holds
// the flag by which workers know that the acceptor waits for a place. Thread: any.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>

namespace culvert {

class TunnelBudget {
 public:
  /// `wake` runs on the worker's thread when a place came free while the acceptor was waiting for
  /// one. Set before the acceptor's thread starts: workers may run already, they do not look at it
  /// until beginWaiting() was called.
  void setWake(std::function<void()> wake) { wake_ = std::move(wake); }

  void setLimit(size_t limit) { limit_.store(limit); }
  size_t limit() const { return limit_.load(std::memory_order_relaxed); }
  size_t open() const { return open_.load(std::memory_order_relaxed); }

  /// Places that are kept for tunnels that can be of use.
  size_t reserve() const { return std::min(limit() / 8, kMostReserve); }
  /// How many tunnels whose backend is down should make room; 0 unless places are scarce.
  size_t excess() const {
    const size_t mark = limit() - reserve();
    const size_t now = open() + 1;
    return now > mark ? now - mark : 0;
  }
  bool scarce() const { return excess() != 0; }

  /// So many tunnels shall make room: each worker then takes what it can give.
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

  /// A descriptor beyond the two of a tunnel. False: there is none.
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

  /// The most places taken at once since the last call. Thread: control.
  size_t takeMost() { return most_.exchange(open(), std::memory_order_relaxed); }

  /// The acceptor is about to wait. Look at full() again afterwards: a place may have come free in
  /// between.
  void beginWaiting() { waiting_.store(true); }

 private:
  static constexpr size_t kMostReserve = 256;

  static size_t placesOf(size_t spare) { return (spare + 1) / 2; }
  void wakeWaiting() {
    if (waiting_.load() && waiting_.exchange(false)) wake_();
  }

  std::atomic<size_t> open_{0};
  std::atomic<size_t> spare_{0};
  std::atomic<size_t> asked_{0};
  std::atomic<size_t> most_{0};
  std::atomic<size_t> limit_{0};
  std::atomic<bool> waiting_{false};
  std::function<void()> wake_;
};

}  // namespace culvert
