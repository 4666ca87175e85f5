// SPDX-License-Identifier: GPL-3.0-or-later
// Drops root privileges. After binding, the process permanently becomes `user`:`group`. Only the
// control thread keeps the two capabilities that a reload needs, and only in its permitted set.
// These capabilities allow binding ports below 1024 and reading key files that only root may read.
// Every other thread calls dropThreadCapabilities() first. Thread: control, before any other thread
// exists.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"

namespace culvert {

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string userName;       ///< for messages; the user's number if the user database lacks the
                              ///< user
  std::vector<gid_t> groups;  ///< the user's supplementary groups; only `gid` if `user` is a number
                              ///< without an entry
  bool groupGiven = false;    ///< `group` was set, so a process with another primary group is an
                              ///< error
  bool operator==(const Identity&) const = default;
};

/// Looks up a group by name or number; a number needs no entry in the group database.
Result<gid_t> resolveGroup(const std::string& group);

/// Looks up `user` (name or number) and `group` (name or number; empty = the user's own group).
/// `user` must not be empty. If `user` is a number without an entry in the user database, `group`
/// must not be empty.
Result<Identity> resolveIdentity(const std::string& user, const std::string& group);

/// Returns an error if dropPrivileges(who) would certainly fail, because this process is not root
/// and runs as another user.
Result<void> checkIdentityReachable(const Identity& who);

struct PrivilegeReport {
  bool runsAsRoot = false;  ///< started as root and `user` is not set, so culvert warns once
  std::string text;         ///< for the start-up line: "user culvert (998:998),
                            ///< cap_net_bind_service and cap_dac_read_search kept for reloads"
};

/// Becomes `who`, or keeps the identity if `who` is null. Verifies that the process cannot become
/// root again. If started as root, it sets supplementary groups, gid and uid (real, effective,
/// saved). It empties the bounding, ambient, inheritable and effective sets, and keeps only the two
/// capabilities for reloads in the permitted set. If not started as root, it reduces inherited
/// capabilities (systemd's AmbientCapabilities) to the same two capabilities. It always sets
/// no_new_privs and clears dumpable, to forbid core dumps, because keys are in memory. A process
/// that stays root keeps its capabilities. Before this call, open the files, sockets and logs that
/// need root, and set resource limits. An error leads to exit code 5.
Result<PrivilegeReport> dropPrivileges(const Identity* who);

/// Empties every capability set of the calling thread. Each new thread calls this first. It needs
/// no privileges. It can fail only on a kernel without capabilities (ENOSYS), where there is
/// nothing to drop.
void dropThreadCapabilities();

/// While this object lives, the capabilities that the control thread has kept are effective. A
/// reload uses this object to read files and to bind. The object does nothing if no capability is
/// kept (not started as root) or all capabilities are effective (root). Objects may be nested.
class ControlPrivileges {
 public:
  ControlPrivileges();
  ~ControlPrivileges();
  ControlPrivileges(const ControlPrivileges&) = delete;
  ControlPrivileges& operator=(const ControlPrivileges&) = delete;

 private:
  void* before_ = nullptr;  // the thread's previous cap_t; null if nothing was raised
};

}  // namespace culvert
