// SPDX-License-Identifier: GPL-3.0-or-later
// LogCore is shared by the Logger and the thread culvert-log: the ring between them, the sink, the
// filter of repeats. Both hold a reference, so that a thread that is blocked in its sink may
// outlive the Logger. Private to log/. Thread: any; the sink belongs to the thread while it runs.
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

  /// See the methods of the same names in Logger.
  void take(const LogLine& line);
  void apply(std::unique_ptr<LogSink> sink, LogLevel level, LogFormat format);
  void setLevel(LogLevel level);
  void reopen();

  /// From now on lines go to the ring: the caller is about to call run() on its own thread.
  void beginRunning();
  /// Call if the thread could not be created.
  void cancelRunning();
  /// The body of culvert-log. Returns after beginStopping() when all lines are written, and after
  /// abandon().
  void run();
  void beginStopping();
  /// The thread is left behind: later lines are dropped, unless the thread has just ended.
  void abandon();
  bool running();
  /// Counts lines that will never be written; the next written line reports their number. Thread:
  /// any.
  void lose(uint64_t lines);

  std::atomic<uint64_t> written{0};
  std::atomic<uint64_t> dropped{0};
  std::atomic<uint64_t> suppressed{0};

 private:
  enum class State : uint8_t { kDirect, kRunning, kStopping, kAbandoned };

  // An entry of the ring: a line, or an order that is executed in sequence with the lines.
  struct Item {
    enum class Kind : uint8_t { kLine, kReopen, kLevel, kSink } kind = Kind::kLine;
    LogRecord record{};
    std::unique_ptr<LogSink> sink;  // kSink
  };

  LogRecord render(const LogLine& line) const;
  void push(LogRecord record);                // holds the mutex
  void give(Item order);                      // holds the mutex
  void pushOrder(Item order);                 // holds the mutex
  void writeDirect(const LogRecord& record);  // by the holder of the sink, see below
  void wake();                                // holds the mutex

  // These are for the holder of the sink: culvert-log while it runs. Without a thread it is a
  // caller that holds the mutex, and that caller uses only obey() and say().
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
  bool asleep_ = false;  // the thread waits for work_ and was not woken yet
  std::deque<Item> ring_;
  size_t ringLines_ = 0;  // the lines among the items, without the thread's current batch
  size_t ringBytes_ = 0;
  size_t ordersWaiting_ = 0;
  RepeatFilter repeats_;

  std::unique_ptr<LogSink> sink_;
  std::vector<LogRecord> batch_;
  Item order_;
  bool orderTaken_ = false;
  TimePoint retryAt_ = TimePoint::min();      // the sink failed: do not retry before
  TimePoint noteAgainAt_ = TimePoint::min();  // limits notes about losses while lines keep coming
  bool noteFailed_ = false;                   // out of memory: do not retry before noteAgainAt_
  TimePoint stuckSince_ = kNever;             // since when the sink accepts nothing
  std::atomic<uint64_t> unreportedLoss_{0};   // dropped and not yet reported in the log
};

}  // namespace culvert
