// SPDX-License-Identifier: GPL-3.0-or-later
// FileStamp says whether a file is still the one that was read, without reading it again. Thread:
// any.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace culvert {

/// What the system says of a path, links followed. Equal stamps: the same contents, unless the file
/// was written within one tick of the kernel's clock (some ms) of the stamp.
struct FileStamp {
  static constexpr int64_t kSettles = 400'000'000;  ///< ns

  dev_t device = 0;
  ino_t inode = 0;  ///< 0: there is no such file
  int64_t size = 0;
  int64_t modified = 0;  ///< ns since the epoch
  int64_t changed = 0;   ///< likewise: contents, name or rights; cannot be set back
  bool regular = false;  ///< and no pipe, which can be read once only

  bool exists() const { return inode != 0; }
  /// Whether nothing has changed for this long: who writes a file in place does it in pieces. So
  /// has one that is not there, and one of the future, where somebody set the clock back.
  bool settled(int64_t nanos = kSettles) const;
  bool operator==(const FileStamp&) const = default;
};

FileStamp stampOf(const std::string& path);

/// The wall clock as the stamps count it.
int64_t wallNanos();

/// Every directory in which a change can make `path` lead to another file: that of the file itself
/// and that of each symbolic link on the way (Kubernetes' `..data`, certbot's `live`). In order,
/// without repeats.
std::vector<std::string> directoriesTowards(const std::string& path);

}  // namespace culvert
