// SPDX-License-Identifier: GPL-3.0-or-later
// EventLoop runs one libevent base in turns. At the end of each turn it runs the run-soon queue,
// destroys objects (deleteLater) and calls the end-of-turn hook. So an object passed to
// deleteLater() in a callback stays valid until the end of the turn. Thread: loop; functions that
// other threads may call say so.
//
// The base is created without locks, so no other thread may call libevent for it. Other threads
// wake the loop through a NotifyPipe.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>

#include "base/clock.h"
#include "base/deferred.h"
#include "base/intrusive_list.h"

struct event_base;

namespace culvert {

/// A task that the loop runs at the end of the current turn. A task that is queued twice runs once.
class RunSoon : public ListNode<RunSoon> {
 public:
  virtual void runSoon() = 0;

 protected:
  ~RunSoon() = default;
};

class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Runs turns until stop() is called. The calling thread becomes the loop's thread.
  void run();

  /// Runs one turn. If `block` is true and no work is queued, first waits for an event. Then runs
  /// the callbacks of all events that are ready, and the work at the end of the turn.
  void turn(bool block);

  /// Makes run() return after the current turn.
  void stop() { stopping_ = true; }

  void runSoon(RunSoon& task) { soon_.pushBack(task); }

  /// Destroys the object at the end of the current turn. Objects are destroyed in the order of the
  /// calls. Allocates no memory.
  void deleteLater(std::unique_ptr<Deferred> object) noexcept {
    if (object == nullptr) return;
    *dyingEnd_ = object.release();
    dyingEnd_ = &(*dyingEnd_)->nextDying_;
  }

  /// Sets a function that the loop calls at the end of each turn, after it has destroyed objects.
  void setEndOfTurn(std::function<void()> hook) { endOfTurnHook_ = std::move(hook); }

  /// The monotonic time, read once in each turn.
  TimePoint now() {
    if (now_ == TimePoint{}) beginTurn();
    return now_;
  }

  /// The start of the current turn in microseconds of Clock; 0 while the loop waits. Thread: any.
  uint64_t busySinceMicros() const { return busySince_.load(std::memory_order_relaxed); }

  uint64_t deferredDeletes() const { return deferredDeletes_; }
  uint64_t longestTurnMicros() const { return longestTurnMicros_; }
  /// How long the turn took that ends now; 0 if it had nothing to do. For the end-of-turn hook,
  /// whose own time does not count.
  Clock::duration turnTime() const { return turnTime_; }

  /// Number of tunnels and callbacks of this loop that ended because memory ran out.
  uint64_t memoryShortages() const { return memoryShortages_; }
  void noteMemoryShortage() { ++memoryShortages_; }

  /// base() and beginTurn() are for src/event only.
  event_base* base() { return base_; }
  void beginTurn();
  /// Runs a callback and catches std::bad_alloc, because no exception may pass through libevent's C
  /// code.
  template <class Callback>
  void guard(const Callback& callback) noexcept {
    try {
      callback();
    } catch (const std::bad_alloc&) {
      noteMemoryShortage();
    }
  }

 private:
  void endOfTurn();
  void forgetTime();
  void destroyDying();

  event_base* base_;
  bool stopping_ = false;
  TimePoint now_{};
  std::atomic<uint64_t> busySince_{0};
  uint64_t deferredDeletes_ = 0;
  uint64_t longestTurnMicros_ = 0;
  Clock::duration turnTime_{};
  uint64_t memoryShortages_ = 0;
  IntrusiveList<RunSoon> soon_;
  Deferred* dying_ = nullptr;      // owned, linked by nextDying_
  Deferred** dyingEnd_ = &dying_;  // the pointer to set when the next object is queued
  std::function<void()> endOfTurnHook_;
};

/// The version of the libevent library that is in use, for --version.
const char* eventLibraryVersion();

}  // namespace culvert
