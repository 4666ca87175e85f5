// SPDX-License-Identifier: GPL-3.0-or-later
// RecentLines keeps the warnings and errors of the last hour for the admin page. Equal messages of a
// service are one entry with a count, so that it stays small. Thread: any.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <vector>

#include "log/log_line.h"
#include "log/log_render.h"

namespace culvert {

class RecentLines {
 public:
  static constexpr size_t kMost = 100;
  static constexpr std::chrono::hours kAge{1};

  struct Entry {
    std::string key;
    LogLevel level = LogLevel::kWarning;
    WallTime time{};  ///< of the last line
    uint64_t count = 0;
    std::string text;  ///< the last line, without time and level
  };

  /// Keeps lines of level warning and more severe.
  void add(const LogLine& line, WallTime time);
  /// Returns the entries of the last hour, the newest first.
  std::vector<Entry> entries(WallTime now) const;

 private:
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // the newest first
};

}  // namespace culvert
