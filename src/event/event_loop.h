// SPDX-License-Identifier: GPL-3.0-or-later
// EventLoop is one libevent base and the thread that runs it. It owns the loop around libevent:
// after every turn come the run-soon queue, the deaths of objects (deleteLater) and the end-of-turn
// hook, so that inside a callback `this` is valid until the turn ends. Thread: loop; only what says
// so may be called from another thread.
//
// The base is created without locks: no libevent call from a foreign thread is legal. What crosses
// comes through a NotifyPipe.
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

/// Something that wants to run once at the end of this turn. Enqueuing twice runs it once.
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

  /// Runs turns until stop(). The calling thread becomes the loop's thread.
  void run();

  /// One turn: waits for events (at most until one comes; not at all when work is queued), runs
  /// them and ends the turn.
  void turn(bool block);

  /// Ends run() after this turn.
  void stop() { stopping_ = true; }

  void runSoon(RunSoon& task) { soon_.pushBack(task); }

  /// Destroys the object after this turn's callbacks, in the order of the calls. Takes no memory.
  void deleteLater(std::unique_ptr<Deferred> object) noexcept {
    if (object == nullptr) return;
    *dyingEnd_ = object.release();
    dyingEnd_ = &(*dyingEnd_)->nextDying_;
  }

  /// Called at the end of each turn, after the deaths.
  void setEndOfTurn(std::function<void()> hook) { endOfTurnHook_ = std::move(hook); }

  /// The monotonic time, read once a turn.
  TimePoint now() {
    if (now_ == TimePoint{}) beginTurn();
    return now_;
  }

  /// When the turn that runs now began, as microseconds of Clock; 0 while the loop waits. Thread:
  /// any.
  uint64_t busySinceMicros() const { return busySince_.load(std::memory_order_relaxed); }

  uint64_t deferredDeletes() const { return deferredDeletes_; }
  uint64_t longestTurnMicros() const { return longestTurnMicros_; }

  /// How often something on this loop ended for want of memory: a tunnel, or a whole callback.
  uint64_t memoryShortages() const { return memoryShortages_; }
  void noteMemoryShortage() { ++memoryShortages_; }

  /// For src/event only.
  event_base* base() { return base_; }
  void beginTurn();
  /// Runs a callback: no exception may pass the C code of libevent, or leave the loop.
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
  uint64_t memoryShortages_ = 0;
  IntrusiveList<RunSoon> soon_;
  Deferred* dying_ = nullptr;      // owned, linked by nextDying_
  Deferred** dyingEnd_ = &dying_;  // where the next one is linked
  std::function<void()> endOfTurnHook_;
};

/// libevent's version as it runs, for --version.
const char* eventLibraryVersion();

}  // namespace culvert
