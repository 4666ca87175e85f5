// SPDX-License-Identifier: GPL-3.0-or-later
#include "log/logger.h"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>
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
    // Out of memory: this line is one of those that are lost.
    core_->dropped.fetch_add(1, std::memory_order_relaxed);
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

Result<void> Logger::start() {
  if (core_->running()) return {};
  core_->beginRunning();
  // The thread inherits the mask: no signal is ever handled there, and SIGPIPE cannot end it.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = 0;
  try {
    thread_ = std::thread([core = core_] {
      ::pthread_setname_np(::pthread_self(), "culvert-log");
      core->run();
    });
  } catch (const std::system_error& failure) {
    error = failure.code().value() == 0 ? EAGAIN : failure.code().value();
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error == 0) return {};
  core_->cancelRunning();
  return failErrno("cannot create the log thread", error);
}

void Logger::reopen() { core_->reopen(); }

bool Logger::stop(Millis limit) {
  if (!thread_.joinable()) return !leftBehind_;
  leftBehind_ = !core_->stop(limit);
  if (leftBehind_) {
    thread_.detach();
  } else {
    thread_.join();
  }
  return !leftBehind_;
}

LogCounts Logger::counts() const {
  return {core_->written.load(std::memory_order_relaxed),
          core_->dropped.load(std::memory_order_relaxed),
          core_->suppressed.load(std::memory_order_relaxed)};
}

}  // namespace culvert
