// SPDX-License-Identifier: GPL-3.0-or-later
// FileStamp shows whether a file is still the one that was read, without reading it again. Thread:
// any.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace culvert {

/// The system's data about a path, with links followed. Equal stamps mean equal contents, unless
/// the file was written within one tick of the kernel's clock (some ms) of the stamp.
struct FileStamp {
  static constexpr int64_t kSettles = 400'000'000;  ///< ns

  dev_t device = 0;
  ino_t inode = 0;  ///< 0: the file does not exist
  int64_t size = 0;
  int64_t modified = 0;  ///< ns since the epoch
  int64_t changed = 0;   ///< ns since the epoch: contents, name or permissions; cannot be set back
  bool regular = false;  ///< not a pipe, which can be read only once

  bool exists() const { return inode != 0; }
  /// Whether the file has not changed for this long, because programs write a file in pieces. True
  /// also for a missing file, and for a file with a future time (the clock was set back).
  bool settled(int64_t nanos = kSettles) const;
  bool operator==(const FileStamp&) const = default;
};

FileStamp stampOf(const std::string& path);

/// The wall clock in the unit of the stamps.
int64_t wallNanos();

/// Every directory in which a change can make `path` lead to another file. These are the file's own
/// directory and that of each symbolic link on the path (Kubernetes' `..data`, certbot's `live`).
/// In order, without duplicates.
std::vector<std::string> directoriesTowards(const std::string& path);

}  // namespace culvert
