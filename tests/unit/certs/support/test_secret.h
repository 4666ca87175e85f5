// SPDX-License-Identifier: GPL-3.0-or-later
// Session ticket secrets for tests: random enough to be accepted, the same in each run.
#pragma once

#include <filesystem>
#include <random>
#include <string>

#include "temp_dir.h"

namespace culvert {

/// 32 bytes in hex; another number is another secret.
inline std::string testSecret(unsigned number) {
  std::mt19937 random(number);
  std::string hex;
  for (int i = 0; i < 64; ++i) hex += "0123456789abcdef"[random() % 16];
  return hex;
}

/// Writes the text into a file that only its owner can read. Returns its path.
inline std::string writeSecret(const TempDir& dir, const std::string& text) {
  namespace fs = std::filesystem;
  const std::string path = dir.write("secret", text);
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  return path;
}

}  // namespace culvert
