// SPDX-License-Identifier: GPL-3.0-or-later
// Opens a file for appending so that another user cannot redirect the output. A process started as
// root may write to a directory that belongs to another user. Without checks, that user could
// replace the file by a symbolic or hard link to any other file. Thread: any.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace culvert {

struct AppendOptions {
  mode_t mode = 0640;       ///< mode of a new file
  uid_t owner = uid_t(-1);  ///< owner of a new file; -1 means the user of this process
  gid_t group = gid_t(-1);  ///< group of a new file; -1 means the system's default
};

/// Opens the file at `path` (O_APPEND, nonblocking), or creates the file. Follows a symbolic link
/// if the link's directory belongs to root or to this process's user. If other users can write to
/// that directory, the link itself must also belong to root or to this process's user. If other
/// users own the file's directory or can write to it, an existing file must have only one hard
/// link. In that case the file must also belong to root, this process's user, `options.owner` or
/// the directory's owner. The error names the reason but not the path.
Result<UniqueFd> openForAppend(const std::string& path, const AppendOptions& options = {});

/// Makes the same checks as openForAppend(), and returns the error that it would return. Does not
/// open or create the file. A missing file is not an error. `owner` is AppendOptions::owner.
Result<void> checkAppendPath(const std::string& path, uid_t owner = uid_t(-1));

}  // namespace culvert
