// SPDX-License-Identifier: GPL-3.0-or-later
// Opens a file for appending without being led elsewhere by another user: a process that starts as
// root writes to a directory that belongs to somebody else, who can put a link or a hard link to
// another file there. Thread: any.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace culvert {

struct AppendOptions {
  mode_t mode = 0640;       ///< of a file that is made
  uid_t owner = uid_t(-1);  ///< of a file that is made; -1: this process's user
  gid_t group = gid_t(-1);  ///< of a file that is made; -1: left to the system
};

/// Opens `path` (O_APPEND, nonblocking), or makes it. Symbolic links are followed where their
/// directory belongs to root or to this process's user; if others can write it too, the link has to
/// belong to one of the two. In a directory that others own or can write, a file that exists must
/// have one name only and belong to root, this user, `options.owner` or the directory's owner. The
/// error has the reason only, not the path.
Result<UniqueFd> openForAppend(const std::string& path, const AppendOptions& options = {});

/// What openForAppend() would say of the path, except that a missing file is not an error;
/// opens and makes nothing.
Result<void> checkAppendPath(const std::string& path, uid_t owner = uid_t(-1));

}  // namespace culvert
