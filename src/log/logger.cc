// SPDX-License-Identifier: GPL-3.0-or-later
#include "log/logger.h"

#include <unistd.h>

#include <utility>

#include "log/log_core.h"
#include "log/log_sink.h"

namespace culvert {

Logger::Logger(LogLimits limits)
    : core_(std::make_shared<LogCore>(limits, std::make_unique<FdSink>(STDERR_FILENO))),
      level_(static_cast<uint8_t>(LogLevel::kInfo)) {}

Logger::~Logger() { stop(); }

void Logger::log(const LogLine& line) noexcept {
  if (!enabled(line.level())) return;
  try {
    core_->take(line);
  } catch (...) {
    // Memory ran out, so this line is lost.
    core_->lose(1);
  }
}

Result<void> Logger::configure(const LogOptions& options) {
  auto sink = openLogSink(options);
  if (!sink) return tl::unexpected(sink.error());
  level_.store(static_cast<uint8_t>(options.level), std::memory_order_relaxed);
  toStderr_.store(options.target == LogTarget::kStderr, std::memory_order_relaxed);
  core_->apply(std::move(*sink), options.level, options.format);
  return {};
}

void Logger::setLevel(LogLevel level) {
  level_.store(static_cast<uint8_t>(level), std::memory_order_relaxed);
  core_->setLevel(level);
}

Result<void> Logger::start(const std::function<void()>& onThreadStart) {
  if (core_->running()) return {};
  core_->beginRunning();
  auto started = thread_.start("culvert-log", onThreadStart, [core = core_] { core->run(); });
  if (!started) core_->cancelRunning();
  return started;
}

void Logger::lose() noexcept { core_->lose(1); }

const RecentLines& Logger::keepRecent() { return core_->keepRecent(); }

void Logger::reopen() { core_->reopen(); }

bool Logger::stop(Millis limit) {
  if (!thread_.running()) return !leftBehind_;
  core_->beginStopping();
  leftBehind_ = !thread_.stop(limit);
  if (leftBehind_) core_->abandon();
  return !leftBehind_;
}

LogCounts Logger::counts() const {
  return {core_->written.load(std::memory_order_relaxed),
          core_->dropped.load(std::memory_order_relaxed),
          core_->suppressed.load(std::memory_order_relaxed)};
}

}  // namespace culvert
