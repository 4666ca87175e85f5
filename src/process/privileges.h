// SPDX-License-Identifier: GPL-3.0-or-later
// Giving up root: after binding, the process becomes `user`:`group` for good, and only the control
// thread keeps, in its permitted set alone, the two capabilities that a reload needs (bind a port
// below 1024, read a 0600 root key). Every other thread calls dropThreadCapabilities() first thing.
// Thread: control, before any other thread exists.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"

namespace culvert {

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string userName;       ///< for words; the number's text where the system knows no such user
  std::vector<gid_t> groups;  ///< supplementary, of the user; only `gid` for a bare number
  bool groupGiven = false;    ///< `group` was named, so another primary group is not good enough
  bool operator==(const Identity&) const = default;
};

/// Looks up a group by name or number; a number needs no entry.
Result<gid_t> resolveGroup(const std::string& group);

/// Looks up `user` (name or number) and `group` (name or number; empty = the user's own group).
/// `user` must not be empty. A bare number without an entry needs `group`.
Result<Identity> resolveIdentity(const std::string& user, const std::string& group);

/// An error in words where dropPrivileges(who) is sure to fail because this process is not root
/// and runs as somebody else.
Result<void> checkIdentityReachable(const Identity& who);

struct PrivilegeReport {
  bool runsAsRoot = false;  ///< root without `user`: worth one warning
  std::string text;         ///< for the start-up line: "user culvert (998:998), kept for reload:
                            ///< cap_net_bind_service .."
};

/// Becomes `who` (null: stays who it is) and verifies that there is no way back. With root:
/// supplementary groups, gid, uid (real, effective, saved), bounding set emptied, ambient and
/// inheritable emptied, permitted = the two of the file's head, effective empty. Without root:
/// capabilities handed over (systemd's AmbientCapabilities) are cut to the same two. Always:
/// no_new_privs, and not dumpable (keys are in memory; this also forbids core dumps). Root that
/// stays root keeps its capabilities. Files, sockets, limits and log files that need root must have been opened
/// before. Errors: exit code 5.
Result<PrivilegeReport> dropPrivileges(const Identity* who);

/// Empties every capability set of the calling thread. First thing in each created thread. It
/// cannot fail for lack of rights; an error is a kernel without capabilities (ENOSYS), where there
/// is nothing to drop.
void dropThreadCapabilities();

/// While it lives, the control thread's kept capabilities are effective: around reading files and
/// binding in a reload. Does nothing where none is kept (not started as root) or all are effective
/// (root). May be nested.
class ControlPrivileges {
 public:
  ControlPrivileges();
  ~ControlPrivileges();
  ControlPrivileges(const ControlPrivileges&) = delete;
  ControlPrivileges& operator=(const ControlPrivileges&) = delete;

 private:
  void* before_ = nullptr;  // cap_t of the thread before, null when nothing was raised
};

}  // namespace culvert
