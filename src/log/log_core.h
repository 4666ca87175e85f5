// SPDX-License-Identifier: GPL-3.0-or-later
// LogCore is what the Logger and the thread culvert-log share: the ring between them, the sink, the
// filter of repeats. Both hold it, so that a thread that is stuck in its sink may outlive the
// Logger. Private to log/. Thread: any; the sink belongs to the thread while it runs.
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
#include "log/repeat_filter.h"

namespace culvert {

class LogCore {
 public:
  LogCore(LogLimits limits, std::unique_ptr<LogSink> sink);

  /// See the methods of Logger with these names.
  void take(const LogLine& line);
  void apply(std::unique_ptr<LogSink> sink, LogLevel level, LogFormat format);
  void setLevel(LogLevel level);
  void reopen();

  /// From now on lines go to the ring: the caller is about to run run() on a thread of its own.
  void beginRunning();
  /// The thread could not be created.
  void cancelRunning();
  /// The body of culvert-log: returns after beginStopping() when everything is written, and after
  /// abandon().
  void run();
  void beginStopping();
  /// The thread is left behind: later lines are dropped, unless it has just ended after all.
  void abandon();
  bool running();
  /// Counts lines that nobody will see; the next line that is written tells of them. Thread: any.
  void lose(uint64_t lines);

  std::atomic<uint64_t> written{0};
  std::atomic<uint64_t> dropped{0};
  std::atomic<uint64_t> suppressed{0};

 private:
  enum class State : uint8_t { kDirect, kRunning, kStopping, kAbandoned };

  // A place in the ring: a line, or an order that takes its turn among the lines.
  struct Item {
    enum class Kind : uint8_t { kLine, kReopen, kLevel, kSink } kind = Kind::kLine;
    LogRecord record{};
    std::unique_ptr<LogSink> sink;  // kSink
  };

  LogRecord render(const LogLine& line) const;
  void push(LogRecord record);                // holds the mutex
  void give(Item order);                      // holds the mutex
  void pushOrder(Item order);                 // holds the mutex
  void writeDirect(const LogRecord& record);  // by whoever has the sink, see below
  void wake();                                // holds the mutex

  // By whoever has the sink: culvert-log while it runs. While there is no thread it is a caller
  // that holds the mutex, who needs no more than obey() and say().
  enum class Counted : bool { kNo, kYes };
  void work();
  bool gatherSummaries(std::unique_lock<std::mutex>& lock);
  bool noteLosses(std::unique_lock<std::mutex>& lock);
  void waitForWork(std::unique_lock<std::mutex>& lock);
  void takeBatch();  // holds the mutex
  void deliverBatch();
  bool givenUp();
  void obey(Item& order);
  void say(const LogLine& line);
  bool writeAll(std::span<const LogRecord> records, Counted counted);

  const LogLimits limits_;
  std::atomic<LogFormat> format_{LogFormat::kText};
  std::atomic<LogLevel> level_{LogLevel::kInfo};

  std::mutex mutex_;
  std::condition_variable work_;
  State state_ = State::kDirect;
  bool asleep_ = false;  // the thread waits for work_ and nobody has woken it yet
  std::deque<Item> ring_;
  size_t ringLines_ = 0;  // the lines among the items; a batch in the thread's hands comes on top
  size_t ringBytes_ = 0;
  size_t ordersWaiting_ = 0;
  RepeatFilter repeats_;

  std::unique_ptr<LogSink> sink_;
  std::vector<LogRecord> batch_;
  Item order_;
  bool orderTaken_ = false;
  TimePoint retryAt_ = TimePoint::min();  // the sink failed: not before
  TimePoint noteAgainAt_ =
      TimePoint::min();            // losses are noted at most so often while lines keep coming
  bool noteFailed_ = false;        // for want of memory: not before noteAgainAt_
  TimePoint stuckSince_ = kNever;  // the sink takes nothing
  std::atomic<uint64_t> unreportedLoss_{0};  // dropped and not yet said in the log
};

}  // namespace culvert
