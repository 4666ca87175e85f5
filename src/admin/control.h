// SPDX-License-Identifier: GPL-3.0-or-later
// What the admin thread asks the control thread to do, and what it learns. The functions only post a
// message; the control thread does the work and calls `done`. Thread: any, except where a comment
// says otherwise.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "log/log_line.h"
#include "log/log_render.h"

namespace culvert {

/// What a reload has changed, or why it failed.
struct ReloadReport {
  struct Certificate {
    std::string service, subject;
    bool loaded = true;  ///< false: refused, the previous one stays
    std::string why;     ///< of a refusal
  };
  struct Remark {
    std::string file;
    size_t line = 0;   ///< 0: no line
    std::string text;  ///< the whole line, FILE:LINE: error: ...
  };
  WallTime time{};
  bool done = false;
  bool draining = false;                             ///< culvert drains, so it reloads nothing
  std::vector<std::string> added, changed, removed;  ///< services
  std::vector<std::string> listenersAdded, listenersRemoved;  ///< addresses
  std::vector<std::string> global;                            ///< keys of [global]
  std::vector<Certificate> certificates;
  std::vector<Remark> errors, warnings;
};

struct ServiceDrain {
  std::vector<std::string> closed;  ///< addresses on which culvert listens no longer
  std::vector<std::string> shared;  ///< addresses that other services still use
};

struct LogLevelState {
  LogLevel level = LogLevel::kInfo;
  std::optional<WallTime> until;  ///< when the configured level returns
};

class AdminControl {
 public:
  virtual ~AdminControl() = default;
  /// `by` names who asks, for the log.
  virtual void reload(std::string by, std::function<void(ReloadReport)> done) = 0;
  virtual void drain(std::string by, std::function<void()> done) = 0;
  /// The result is empty if there is no such service.
  virtual void drainService(std::string by, std::string name,
                            std::function<void(std::optional<ServiceDrain>)> done) = 0;
  /// Without a level, the configured level returns. A time of zero means until the next change.
  virtual void setLogLevel(std::string by, std::optional<LogLevel> level, Millis time,
                           std::function<void(LogLevelState)> done) = 0;
};

}  // namespace culvert
