// SPDX-License-Identifier: GPL-3.0-or-later
// FileStamp shows whether a file has changed since culvert read it, without reading it again.
// Thread: any.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace culvert {

/// What stat() returns for a path, following symbolic links. Equal stamps mean equal contents, with
/// one exception: the file was written again within one tick of the kernel's clock (some ms) after
/// the stamp.
struct FileStamp {
  static constexpr int64_t kSettles = 400'000'000;  ///< ns

  dev_t device = 0;
  ino_t inode = 0;  ///< 0: the file does not exist
  int64_t size = 0;
  int64_t modified = 0;  ///< ns since the epoch
  int64_t changed = 0;   ///< ns since the epoch: contents, name or permissions; cannot be set back
  bool regular = false;  ///< false for example for a pipe, which can be read only once

  bool exists() const { return inode != 0; }
  /// True if the file has not changed for `nanos`, so that no program is likely to be writing it.
  /// True also for a missing file, and for a file with a future time (the clock was set back).
  bool settled(int64_t nanos = kSettles) const;
  bool operator==(const FileStamp&) const = default;
};

FileStamp stampOf(const std::string& path);

/// The wall clock in ns since the epoch, like the times in the stamps.
int64_t wallNanos();

/// Returns every directory in which a change can make `path` lead to another file. These are the
/// directory of the file and the directory of each symbolic link on the path, for example
/// Kubernetes' `..data` and certbot's `live`. The directories are in the order of the path, without
/// duplicates.
std::vector<std::string> directoriesTowards(const std::string& path);

}  // namespace culvert
