// SPDX-License-Identifier: GPL-3.0-or-later
#include "log/log_core.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

namespace culvert {

namespace {

// The maximum size of one batch. It limits the size of one write to a file, and the memory used in
// addition to the ring.
constexpr size_t kBatchBytes = 64 * 1024;
constexpr size_t kBatchLines = 512;
// How long culvert-log waits for a full pipe before it checks whether to stop or to change the
// target.
constexpr Millis kPatience{50};
// How long one line may block its caller while culvert-log does not run.
constexpr Millis kDirectPatience{200};

size_t ringCost(const LogRecord& record) { return record.body.size() + sizeof(LogRecord); }

}  // namespace

LogCore::LogCore(LogLimits limits, std::unique_ptr<LogSink> sink)
    : limits_(limits),
      repeats_(limits.burst, limits.window, limits.collapseKeys),
      sink_(std::move(sink)) {
  sink_->activate();
  batch_.reserve(kBatchLines);  // so that lines in the ring can be written when memory has run out
}

LogRecord LogCore::render(const LogLine& line) const {
  const LogFormat format = format_.load(std::memory_order_relaxed);
  const WallTime now = std::chrono::system_clock::now();
  return {line.level(), format, now,
          format == LogFormat::kText ? renderText(line) : renderJson(line, now, ::getpid())};
}

void LogCore::lose(uint64_t lines) {
  if (lines == 0) return;
  dropped.fetch_add(lines, std::memory_order_relaxed);
  unreportedLoss_.fetch_add(lines, std::memory_order_relaxed);
}

void LogCore::take(const LogLine& line) {
  if (!line.collapseKey().empty()) {
    const std::lock_guard lock(mutex_);
    if (state_ == State::kRunning) {
      const TimePoint dueBefore = repeats_.nextDue();
      const bool suppress = repeats_.suppress(line, Clock::now());
      if (repeats_.nextDue() < dueBefore) wake();
      lose(repeats_.takeLost());
      if (suppress) {
        suppressed.fetch_add(1, std::memory_order_relaxed);
        return;
      }
    }
  }
  if (RecentLines* recent = recent_.load(std::memory_order_acquire))
    recent->add(line, std::chrono::system_clock::now());
  LogRecord record = render(line);  // outside the mutex, because rendering is expensive
  const std::lock_guard lock(mutex_);
  switch (state_) {
    case State::kDirect:
      writeDirect(record);
      break;
    case State::kRunning:
    case State::kStopping:
      push(std::move(record));
      break;
    case State::kAbandoned:
      lose(1);
      break;
  }
}

const RecentLines& LogCore::keepRecent() {
  const std::lock_guard lock(mutex_);
  if (recentOwner_ == nullptr) recentOwner_ = std::make_unique<RecentLines>();
  recent_.store(recentOwner_.get(), std::memory_order_release);
  return *recentOwner_;
}

void LogCore::push(LogRecord record) {
  const size_t cost = ringCost(record);
  if (ringLines_ >= limits_.ringLines || ringBytes_ + cost > limits_.ringBytes) {
    lose(1);
    return;
  }
  ring_.push_back(Item{Item::Kind::kLine, std::move(record), nullptr});
  ++ringLines_;
  ringBytes_ += cost;
  wake();
}

void LogCore::wake() {
  if (!asleep_) return;
  asleep_ = false;
  work_.notify_one();
}

void LogCore::pushOrder(Item order) {
  ring_.push_back(std::move(order));
  ++ordersWaiting_;
  wake();
}

void LogCore::writeDirect(const LogRecord& record) {
  const LogSink::Outcome outcome = sink_->write({&record, 1}, kDirectPatience);
  if (outcome.taken == 1) {
    written.fetch_add(1, std::memory_order_relaxed);
  } else {
    lose(1);
  }
}

void LogCore::apply(std::unique_ptr<LogSink> sink, LogLevel level, LogFormat format) {
  const std::lock_guard lock(mutex_);
  level_.store(level, std::memory_order_relaxed);
  format_.store(format, std::memory_order_relaxed);
  give({Item::Kind::kSink, {}, std::move(sink)});
}

void LogCore::setLevel(LogLevel level) {
  const std::lock_guard lock(mutex_);
  level_.store(level, std::memory_order_relaxed);
  give({Item::Kind::kLevel, {}, nullptr});
}

void LogCore::reopen() {
  const std::lock_guard lock(mutex_);
  const bool waiting = !ring_.empty() && ring_.back().kind == Item::Kind::kReopen;
  if (!waiting) give({Item::Kind::kReopen, {}, nullptr});
}

void LogCore::give(Item order) {
  if (state_ == State::kDirect) {
    obey(order);
  } else if (state_ != State::kAbandoned) {
    pushOrder(std::move(order));
  }
}

void LogCore::beginRunning() {
  const std::lock_guard lock(mutex_);
  state_ = State::kRunning;
}

void LogCore::cancelRunning() {
  const std::lock_guard lock(mutex_);
  state_ = State::kDirect;
}

bool LogCore::running() {
  const std::lock_guard lock(mutex_);
  return state_ == State::kRunning;
}

void LogCore::beginStopping() {
  const std::lock_guard lock(mutex_);
  state_ = State::kStopping;
  work_.notify_one();
}

void LogCore::abandon() {
  const std::lock_guard lock(mutex_);
  if (state_ == State::kStopping) state_ = State::kAbandoned;
}

void LogCore::run() {
  for (bool ended = false; !ended;) {
    try {
      work();
      ended = true;
    } catch (...) {
      // Memory ran out, so the current batch is lost. Later lines will be written.
      lose(std::max<size_t>(batch_.size(), 1));
      batch_.clear();
    }
  }
}

void LogCore::work() {
  std::unique_lock lock(mutex_);
  while (state_ != State::kAbandoned) {
    if (gatherSummaries(lock) || noteLosses(lock)) continue;
    if (!ring_.empty()) {
      takeBatch();
      lock.unlock();
      deliverBatch();
      lock.lock();
      continue;
    }
    if (state_ == State::kStopping) break;
    waitForWork(lock);
  }
  // From now on each caller writes its lines itself, because no thread empties the ring.
  if (state_ == State::kStopping) state_ = State::kDirect;
}

// Puts the summaries that are due into the ring. Returns true if it released the lock in between.
bool LogCore::gatherSummaries(std::unique_lock<std::mutex>& lock) {
  const TimePoint now = Clock::now();
  const bool all = state_ == State::kStopping;
  std::vector<LogLine> summaries = all ? repeats_.takeAll(now) : repeats_.takeDue(now);
  if (summaries.empty()) return false;
  lock.unlock();
  std::vector<LogRecord> records;
  records.reserve(summaries.size());
  for (const LogLine& summary : summaries) records.push_back(render(summary));
  lock.lock();
  for (LogRecord& record : records) push(std::move(record));
  return true;
}

// Logs how many lines were lost. Does nothing before the sink may be retried. Logs at once if the
// ring is empty, otherwise at intervals of retryPause. Returns true if it released the lock in
// between.
bool LogCore::noteLosses(std::unique_lock<std::mutex>& lock) {
  const TimePoint now = Clock::now();
  if (unreportedLoss_.load(std::memory_order_relaxed) == 0 || now < retryAt_) return false;
  if ((!ring_.empty() || noteFailed_) && now < noteAgainAt_) return false;
  lock.unlock();
  const uint64_t lost = unreportedLoss_.exchange(0, std::memory_order_relaxed);
  bool said = false;
  try {
    LogLine note(LogLevel::kWarning, "log lines were lost: the log was blocked, full or failing");
    note.add("lost", lost).add("lost_total", dropped.load(std::memory_order_relaxed));
    const LogRecord record = render(note);
    said = writeAll({&record, 1}, Counted::kNo);
    noteFailed_ = false;
  } catch (const std::bad_alloc&) {
    noteFailed_ = true;
  }
  if (!said) unreportedLoss_.fetch_add(lost, std::memory_order_relaxed);
  noteAgainAt_ = Clock::now() + limits_.retryPause;  // counted from the end of the attempt
  lock.lock();
  return true;
}

void LogCore::waitForWork(std::unique_lock<std::mutex>& lock) {
  TimePoint until = repeats_.nextDue();
  if (unreportedLoss_.load(std::memory_order_relaxed) > 0)
    until = std::min(until, noteFailed_ ? std::max(retryAt_, noteAgainAt_) : retryAt_);
  asleep_ = true;
  if (until == kNever) {
    work_.wait(lock);
  } else {
    work_.wait_until(lock, until);
  }
  asleep_ = false;
}

void LogCore::takeBatch() {
  batch_.clear();
  orderTaken_ = false;
  size_t bytes = 0;
  while (!ring_.empty() && batch_.size() < kBatchLines && bytes < kBatchBytes) {
    Item& item = ring_.front();
    if (item.kind != Item::Kind::kLine) {
      order_ = std::move(item);
      orderTaken_ = true;
      ring_.pop_front();
      break;
    }
    bytes += ringCost(item.record);
    batch_.push_back(std::move(item.record));
    ring_.pop_front();
  }
  ringLines_ -= batch_.size();
  ringBytes_ -= bytes;
}

void LogCore::deliverBatch() {
  if (!batch_.empty()) writeAll(batch_, Counted::kYes);
  batch_.clear();
  if (!orderTaken_) return;
  {
    const std::lock_guard lock(mutex_);
    --ordersWaiting_;
  }
  obey(order_);
  order_ = Item{};
}

// Writes the records, and counts the records that it cannot write as lost. Returns false if any
// record was lost. Counts nothing with Counted::kNo, which is for the note about lost lines.
bool LogCore::writeAll(std::span<const LogRecord> records, Counted counted) {
  while (!records.empty()) {
    if (Clock::now() < retryAt_) break;
    const LogSink::Outcome outcome = sink_->write(records, kPatience);
    if (outcome.taken > 0) stuckSince_ = kNever;
    records = records.subspan(outcome.taken);
    if (counted == Counted::kYes) written.fetch_add(outcome.taken, std::memory_order_relaxed);
    if (outcome.error == EAGAIN || outcome.error == EWOULDBLOCK) {
      if (givenUp()) break;
    } else if (outcome.error == ENOMEM) {
      break;  // the sink works, but memory ran out; do not delay the next lines
    } else if (outcome.error != 0) {
      retryAt_ = Clock::now() + limits_.retryPause;
      break;
    }
  }
  if (records.empty()) return true;
  if (counted == Counted::kYes) lose(records.size());
  return false;
}

// Returns true if culvert-log should stop waiting for a sink that accepts nothing. The reason is
// that the thread was abandoned, or that the sink is stuck and a queued order may replace it.
bool LogCore::givenUp() {
  const TimePoint now = Clock::now();
  if (stuckSince_ == kNever) stuckSince_ = now;
  const std::lock_guard lock(mutex_);
  if (state_ == State::kAbandoned) return true;
  return ordersWaiting_ > 0 && now - stuckSince_ >= limits_.retryPause;
}

void LogCore::obey(Item& order) {
  retryAt_ = TimePoint::min();
  stuckSince_ = kNever;
  if (order.kind == Item::Kind::kSink) {
    sink_ = std::move(order.sink);
    sink_->activate();
    return;
  }
  if (order.kind == Item::Kind::kLevel) return sink_->setLevel(level_.load());
  const std::string path = sink_->path();
  if (path.empty()) return;
  const Result<void> reopened = sink_->reopen();
  if (reopened) {
    say(LogLine(LogLevel::kInfo, "log file reopened").add("path", path));
  } else {
    say(LogLine(LogLevel::kWarning, "cannot reopen the log file, the old one stays in use")
            .add("path", path)
            .add("error", reopened.error().text));
  }
}

void LogCore::say(const LogLine& line) {
  if (line.level() > level_.load(std::memory_order_relaxed)) return;
  const LogRecord record = render(line);
  writeDirect(record);
}

}  // namespace culvert
