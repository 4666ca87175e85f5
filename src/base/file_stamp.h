// SPDX-License-Identifier: GPL-3.0-or-later
// FileStamp shows whether a file has changed since culvert read it, without reading the file again.
// Thread: any.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace culvert {

/// What stat() returns for a path, following symbolic links. Equal stamps mean equal contents,
/// unless the file was written within one tick of the kernel's clock (some ms) after the first
/// stamp.
struct FileStamp {
  static constexpr int64_t kSettles = 400'000'000;  ///< nanoseconds; the default of settled()

  dev_t device = 0;
  ino_t inode = 0;  ///< 0 if the file does not exist
  int64_t size = 0;
  int64_t modified = 0;  ///< ns since the epoch
  int64_t changed = 0;   ///< ctime in ns since the epoch; no program can set it back
  bool regular = false;  ///< true for a regular file; a pipe, for example, can be read only once

  bool exists() const { return inode != 0; }
  /// True if the file has not changed for `nanos` nanoseconds. A program is then probably not
  /// writing the file any more. Also true for a missing file, and for a file whose time is in the
  /// future because the clock was set back.
  bool settled(int64_t nanos = kSettles) const;
  bool operator==(const FileStamp&) const = default;
};

FileStamp stampOf(const std::string& path);

/// Returns the wall clock in ns since the epoch, like the times in a FileStamp.
int64_t wallNanos();

/// Returns every directory in which a change can make `path` lead to another file. The result has
/// the directory of the file and the directory of each symbolic link on the path, for example
/// Kubernetes' `..data` and certbot's `live`. The directories are in the order of the path, without
/// duplicates.
std::vector<std::string> directoriesTowards(const std::string& path);

}  // namespace culvert
