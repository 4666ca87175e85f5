// SPDX-License-Identifier: GPL-3.0-or-later
// Giving up root. After binding, the process becomes `user`:`group` for good. Only the control
// thread keeps, in its permitted set alone, the two capabilities that a reload needs: bind a port
// below 1024, read a root key of mode 0600. Every other thread calls dropThreadCapabilities()
// first. Thread: control, before any other thread exists.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"

namespace culvert {

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string userName;       ///< for messages; the number if the system does not know the user
  std::vector<gid_t> groups;  ///< the user's supplementary groups; only `gid` for a bare number
  bool groupGiven = false;    ///< `group` was set, so another primary group is an error
  bool operator==(const Identity&) const = default;
};

/// Looks up a group by name or number; a number needs no entry in the group database.
Result<gid_t> resolveGroup(const std::string& group);

/// Looks up `user` (name or number) and `group` (name or number; empty = the user's own group).
/// `user` must not be empty. A bare number without an entry needs `group`.
Result<Identity> resolveIdentity(const std::string& user, const std::string& group);

/// Returns an error if dropPrivileges(who) would certainly fail, because this process is not root
/// and runs as another user.
Result<void> checkIdentityReachable(const Identity& who);

struct PrivilegeReport {
  bool runsAsRoot = false;  ///< root without `user`: culvert warns once
  std::string text;         ///< for the start-up line: "user culvert (998:998),
                            ///< cap_net_bind_service and cap_dac_read_search kept for reloads"
};

/// Becomes `who` (null: keeps its identity) and verifies that the process cannot become root again.
/// With root: sets supplementary groups, gid, uid (real, effective, saved); empties the bounding,
/// ambient, inheritable and effective sets; keeps the two capabilities above as permitted.
/// Without root: cuts inherited capabilities (systemd's AmbientCapabilities) to the same two.
/// Always: sets no_new_privs and clears dumpable, because keys are in memory; this also forbids
/// core dumps. Root that stays root keeps its capabilities. Open files, sockets and logs that need
/// root, and set limits, before this call. Errors: exit code 5.
Result<PrivilegeReport> dropPrivileges(const Identity* who);

/// Empties every capability set of the calling thread. Each new thread calls this first. It needs
/// no rights; it can fail only on a kernel without capabilities (ENOSYS), where there is nothing to
/// drop.
void dropThreadCapabilities();

/// While this object lives, the control thread's kept capabilities are effective: around reading
/// files and binding in a reload. It does nothing if none is kept (not started as root) or all are
/// effective (root). It may be nested.
class ControlPrivileges {
 public:
  ControlPrivileges();
  ~ControlPrivileges();
  ControlPrivileges(const ControlPrivileges&) = delete;
  ControlPrivileges& operator=(const ControlPrivileges&) = delete;

 private:
  void* before_ = nullptr;  // cap_t of the thread before; null if nothing was raised
};

}  // namespace culvert
