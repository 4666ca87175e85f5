// SPDX-License-Identifier: GPL-3.0-or-later
// LogCore is the state that the Logger and the thread culvert-log share: the ring between them, the
// sink, and the filter of repeats. The Logger and the thread each hold a shared_ptr to it, so that
// a thread blocked in its sink may outlive the Logger. Private to log/. Thread: any; while
// culvert-log runs, only culvert-log uses the sink.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "log/log_sink.h"
#include "log/logger.h"
#include "log/recent_lines.h"
#include "log/repeat_filter.h"

namespace culvert {

class LogCore {
 public:
  LogCore(LogLimits limits, std::unique_ptr<LogSink> sink);

  /// take() implements Logger::log(), and apply() implements Logger::configure(). setLevel() and
  /// reopen() are described in Logger.
  void take(const LogLine& line);
  void apply(std::unique_ptr<LogSink> sink, LogLevel level, LogFormat format);
  void setLevel(LogLevel level);
  void reopen();
  /// Begins to keep the recent warnings and errors. The result is valid as long as the LogCore.
  const RecentLines& keepRecent();

  /// Makes later lines go to the ring. Call this before the new thread calls run().
  void beginRunning();
  /// Undoes beginRunning(). Call this if the thread cannot be created.
  void cancelRunning();
  /// The body of the thread culvert-log. After beginStopping(), returns when all lines are written.
  /// After abandon(), returns as soon as possible.
  void run();
  void beginStopping();
  /// Call this when the thread's owner stops waiting for the thread. Later lines are dropped,
  /// unless the thread has just ended.
  void abandon();
  bool running();
  /// Counts lines that will never be written. A later line in the log reports the number of lost
  /// lines. Thread: any.
  void lose(uint64_t lines);

  std::atomic<uint64_t> written{0};
  std::atomic<uint64_t> dropped{0};
  std::atomic<uint64_t> suppressed{0};

 private:
  enum class State : uint8_t { kDirect, kRunning, kStopping, kAbandoned };

  // An entry of the ring: a line or an order, for example to reopen the file. culvert-log executes
  // an order when it has written the lines before that order.
  struct Item {
    enum class Kind : uint8_t { kLine, kReopen, kLevel, kSink } kind = Kind::kLine;
    LogRecord record{};
    std::unique_ptr<LogSink> sink;  // for kSink only
  };

  LogRecord render(const LogLine& line) const;
  void push(LogRecord record);                // the caller holds the mutex
  void give(Item order);                      // the caller holds the mutex
  void pushOrder(Item order);                 // the caller holds the mutex
  void writeDirect(const LogRecord& record);  // called by the user of the sink, see below
  void wake();                                // the caller holds the mutex

  // Only the current user of the sink calls the functions below. While culvert-log runs,
  // culvert-log is the user. Otherwise a thread that holds the mutex is the user, and calls only
  // obey() and say().
  enum class Counted : bool { kNo, kYes };
  void work();
  bool gatherSummaries(std::unique_lock<std::mutex>& lock);
  bool noteLosses(std::unique_lock<std::mutex>& lock);
  void waitForWork(std::unique_lock<std::mutex>& lock);
  void takeBatch();  // the caller holds the mutex
  void deliverBatch();
  bool givenUp();
  void obey(Item& order);
  void say(const LogLine& line);
  bool writeAll(std::span<const LogRecord> records, Counted counted);

  const LogLimits limits_;
  std::unique_ptr<RecentLines> recentOwner_;   // guarded by mutex_
  std::atomic<RecentLines*> recent_{nullptr};  // recentOwner_, once it exists
  std::atomic<LogFormat> format_{LogFormat::kText};
  std::atomic<LogLevel> level_{LogLevel::kInfo};

  std::mutex mutex_;
  std::condition_variable work_;
  State state_ = State::kDirect;
  bool asleep_ = false;  // true while culvert-log waits for work_ and was not woken
  std::deque<Item> ring_;
  size_t ringLines_ = 0;  // number of lines in ring_, without the thread's current batch
  size_t ringBytes_ = 0;
  size_t ordersWaiting_ = 0;
  RepeatFilter repeats_;

  std::unique_ptr<LogSink> sink_;
  std::vector<LogRecord> batch_;
  Item order_;
  bool orderTaken_ = false;
  TimePoint retryAt_ = TimePoint::min();      // when the sink may be tried again after an error
  TimePoint noteAgainAt_ = TimePoint::min();  // when the next note about lost lines may follow
  bool noteFailed_ = false;        // true if memory ran out for the note; retry at noteAgainAt_
  TimePoint stuckSince_ = kNever;  // when the sink stopped accepting bytes
  std::atomic<uint64_t> unreportedLoss_{0};  // lost lines that the log does not report yet
};

}  // namespace culvert
