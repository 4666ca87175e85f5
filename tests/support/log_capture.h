// SPDX-License-Identifier: GPL-3.0-or-later
// The lines that a test's Logger has written: to a file of the test's own, text form, every level.
// Thread: any, as the Logger.
#pragma once

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "log/logger.h"
#include "temp_dir.h"

namespace culvert {

class LogCapture {
 public:
  /// From now on. Without Logger::start(), each line is in the file when log() returns.
  explicit LogCapture(Logger& logger) {
    LogOptions options;
    options.target = LogTarget::kFile;
    options.path = dir_ / "log";
    options.level = LogLevel::kDebug;
    const auto configured = logger.configure(options);
    EXPECT_TRUE(configured) << configured.error().text;
  }

  /// Those that have come since the last clear().
  std::string text() const { return dir_.read("log").substr(from_); }
  void clear() { from_ = dir_.read("log").size(); }

  /// Those that hold all of these words.
  std::vector<std::string> linesWith(std::initializer_list<std::string_view> words) const {
    std::vector<std::string> found;
    std::istringstream in(text());
    for (std::string line; std::getline(in, line);) {
      bool all = true;
      for (const std::string_view word : words) all = all && line.find(word) != std::string::npos;
      if (all) found.push_back(line);
    }
    return found;
  }
  size_t count(std::initializer_list<std::string_view> words) const {
    return linesWith(words).size();
  }
  bool has(std::string_view words) const { return count({words}) != 0; }

 private:
  TempDir dir_;
  size_t from_ = 0;
};

}  // namespace culvert
