// SPDX-License-Identifier: GPL-3.0-or-later
// Opens a file for appending so that another user cannot redirect it. A process started as root may
// write to a directory of another user, who can put a symbolic or hard link to another file there.
// Thread: any.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace culvert {

struct AppendOptions {
  mode_t mode = 0640;       ///< of a new file
  uid_t owner = uid_t(-1);  ///< of a new file; -1: this process's user
  gid_t group = gid_t(-1);  ///< of a new file; -1: the system's default
};

/// Opens `path` (O_APPEND, nonblocking), or creates it. Follows symbolic links if their directory
/// belongs to root or to this process's user. If others can write that directory, the link itself
/// must belong to one of the two. In a directory that others own or can write, an existing file
/// must have one hard link only. It must then belong to root, this user, `options.owner` or the
/// directory's owner. The error has the reason only, not the path.
Result<UniqueFd> openForAppend(const std::string& path, const AppendOptions& options = {});

/// The error that openForAppend() would return for the path, except that a missing file is not an
/// error. Opens and creates nothing.
Result<void> checkAppendPath(const std::string& path, uid_t owner = uid_t(-1));

}  // namespace culvert
