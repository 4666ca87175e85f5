// SPDX-License-Identifier: GPL-3.0-or-later
// Opens a file for appending so that another user cannot redirect it. A process started as root may
// write to a directory that belongs to another user. That user can replace the file by a symbolic
// or hard link to some other file. Thread: any.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace culvert {

struct AppendOptions {
  mode_t mode = 0640;       ///< mode of a new file
  uid_t owner = uid_t(-1);  ///< owner of a new file; -1: this process's user
  gid_t group = gid_t(-1);  ///< group of a new file; -1: the system's default
};

/// Opens `path` (O_APPEND, nonblocking), or creates it. Follows symbolic links if their directory
/// belongs to root or to this process's user. If other users can write to that directory, the link
/// itself must belong to root or this user. If other users own the file's directory or can write to
/// it, two more rules apply to an existing file. It must have only one hard link, and it must
/// belong to root, this user, `options.owner` or the directory's owner. The error names the reason
/// but not the path.
Result<UniqueFd> openForAppend(const std::string& path, const AppendOptions& options = {});

/// Returns the error that openForAppend() would return for the path, but accepts a missing file.
/// Does not open or create the file.
Result<void> checkAppendPath(const std::string& path, uid_t owner = uid_t(-1));

}  // namespace culvert
