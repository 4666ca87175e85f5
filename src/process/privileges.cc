// SPDX-License-Identifier: GPL-3.0-or-later
// The privilege drop, its verification, and the capabilities of single threads. The drop happens
// while there is only one thread, because capset(2) acts on the calling thread only, but glibc's
// setresuid() acts on all threads.
#include "process/privileges.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <grp.h>
#include <pwd.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <optional>

namespace culvert {
namespace {

constexpr cap_value_t kKept[] = {CAP_NET_BIND_SERVICE, CAP_DAC_READ_SEARCH};

struct CapFree {
  void operator()(void* caps) const { cap_free(caps); }
};
using Caps = std::unique_ptr<std::remove_pointer_t<cap_t>, CapFree>;

bool hasFlag(const Caps& caps, cap_value_t value, cap_flag_t flag) {
  cap_flag_value_t state = CAP_CLEAR;
  return caps && cap_get_flag(caps.get(), value, flag, &state) == 0 && state == CAP_SET;
}

void setFlag(const Caps& caps, cap_value_t value, cap_flag_t flag) {
  cap_set_flag(caps.get(), flag, 1, &value, CAP_SET);
}

/// Returns those of the two capabilities for reloads that this thread holds.
std::vector<cap_value_t> keptHere() {
  Caps now(cap_get_proc());
  std::vector<cap_value_t> held;
  for (cap_value_t value : kKept) {
    if (hasFlag(now, value, CAP_PERMITTED)) held.push_back(value);
  }
  return held;
}

std::optional<uint32_t> number(const std::string& text) {
  uint32_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // Refuse -1, because setresuid() and setresgid() take it as "leave unchanged".
  if (text.empty() || error != std::errc() || end != text.data() + text.size() ||
      value == UINT32_MAX)
    return std::nullopt;
  return value;
}

/// Runs one of the get..._r() look-ups with a buffer that is large enough.
template <class Entry, class Call>
Result<bool> lookUp(Entry& entry, std::vector<char>& buffer, const std::string& what, Call call) {
  for (size_t size = 1024;; size *= 4) {
    buffer.resize(size);
    Entry* found = nullptr;
    int error = call(&entry, buffer.data(), buffer.size(), &found);
    if (error == ERANGE && size < (size_t(1) << 24)) continue;
    if (error == EINTR) continue;
    // POSIX allows 0, ENOENT, ESRCH, EBADF or EPERM for "no such entry".
    if (found != nullptr) return true;
    if (error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM)
      return false;
    return failErrno("cannot look up " + what, error);
  }
}

Result<bool> findUser(const std::string& user, passwd& entry, std::vector<char>& buffer) {
  auto byName = lookUp(entry, buffer, "user " + user,
                       [&](auto... args) { return getpwnam_r(user.c_str(), args...); });
  auto uid = number(user);
  if (!byName || *byName || !uid) return byName;
  return lookUp(entry, buffer, "user " + user,
                [&](auto... args) { return getpwuid_r(*uid, args...); });
}

std::vector<gid_t> groupsOf(const char* user, gid_t gid) {
  std::vector<gid_t> groups(32);
  int count = int(groups.size());
  while (getgrouplist(user, gid, groups.data(), &count) < 0) {
    groups.resize(std::max(size_t(count), groups.size() * 2));
    count = int(groups.size());
  }
  groups.resize(size_t(count));
  return groups;
}

/// Sets the permitted set to `held` and empties the other sets. The kernel clears the ambient set
/// together with the inheritable set.
Result<void> setCapabilities(const std::vector<cap_value_t>& held) {
  Caps caps(cap_init());
  if (!caps) return failErrno("cannot set capabilities", errno);
  for (cap_value_t value : held) setFlag(caps, value, CAP_PERMITTED);
  if (cap_set_proc(caps.get()) != 0) return failErrno("cannot set capabilities", errno);
  return {};
}

/// Empties the bounding set. Ignores errors, because a container may have removed CAP_SETPCAP, and
/// no_new_privs gives the same protection.
void emptyBoundingSet() {
  for (cap_value_t value = 0; value < cap_max_bits(); ++value) {
    if (cap_get_bound(value) == 1) cap_drop_bound(value);
  }
}

Result<void> becomeUser(const Identity& who) {
  if (setgroups(who.groups.size(), who.groups.data()) != 0) {
    return failErrno("cannot set the groups of user " + who.userName, errno);
  }
  if (setresgid(who.gid, who.gid, who.gid) != 0)
    return failErrno(fmt::format("cannot become group {}", who.gid), errno);
  if (setresuid(who.uid, who.uid, who.uid) != 0)
    return failErrno("cannot become user " + who.userName, errno);
  return {};
}

Result<void> verifyIds(const Identity& who) {
  uid_t uid[3];
  gid_t gid[3];
  if (getresuid(&uid[0], &uid[1], &uid[2]) != 0 || getresgid(&gid[0], &gid[1], &gid[2]) != 0) {
    return failErrno("cannot verify the privilege drop", errno);
  }
  bool same = std::all_of(uid, uid + 3, [&](uid_t id) { return id == who.uid; }) &&
              std::all_of(gid, gid + 3, [&](gid_t id) { return id == who.gid; });
  std::vector<gid_t> groups(size_t(std::max(0, getgroups(0, nullptr))));
  groups.resize(size_t(std::max(0, getgroups(int(groups.size()), groups.data()))));
  for (gid_t group : groups) {
    same = same && (group == who.gid ||
                    std::find(who.groups.begin(), who.groups.end(), group) != who.groups.end());
  }
  if (!same)
    return fail(
        fmt::format("the privilege drop to user {} left other user or group ids", who.userName));
  return {};
}

/// Returns an error if an operation that only root may do still succeeds.
Result<void> verifyNoWayBack(const Identity& who, const std::vector<cap_value_t>& held) {
  if (setresuid(uid_t(-1), 0, uid_t(-1)) == 0 ||
      (who.gid != 0 && setresgid(gid_t(-1), 0, gid_t(-1)) == 0)) {
    return fail("the privilege drop can be undone: the process could become root again");
  }
  Caps now(cap_get_proc());
  for (cap_value_t value = 0; value < cap_max_bits(); ++value) {
    bool keep = std::find(held.begin(), held.end(), value) != held.end();
    if (hasFlag(now, value, CAP_EFFECTIVE) || hasFlag(now, value, CAP_INHERITABLE) ||
        (hasFlag(now, value, CAP_PERMITTED) && !keep)) {
      return fail(fmt::format("the privilege drop left capability {}", value));
    }
  }
  return {};
}

Result<void> dropFromRoot(const Identity& who, const std::vector<cap_value_t>& held) {
  emptyBoundingSet();
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return failErrno("cannot keep capabilities", errno);
  if (auto became = becomeUser(who); !became) return became;
  if (auto set = setCapabilities(held); !set) return set;
  prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
  if (auto verified = verifyIds(who); !verified) return verified;
  return verifyNoWayBack(who, held);
}

std::string keptText(const std::vector<cap_value_t>& held) {
  std::vector<std::string> names;
  for (cap_value_t value : held) {
    std::unique_ptr<char, CapFree> name(cap_to_name(value));
    if (name) names.emplace_back(name.get());
  }
  if (names.empty()) return "no capabilities kept";
  return fmt::format("{} kept for reloads", fmt::join(names, " and "));
}

/// Runs for every identity. Forbids core dumps and keeps other processes of this user from reading
/// culvert's memory, because keys are in memory.
Result<void> lockProcess() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return failErrno("cannot set no_new_privs", errno);
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return failErrno("cannot forbid core dumps", errno);
  return {};
}

std::string ownName() {
  passwd entry{};
  std::vector<char> buffer;
  std::string id = fmt::format("{}", geteuid());
  auto found = findUser(id, entry, buffer);
  return found && *found ? entry.pw_name : id;
}

}  // namespace

Result<gid_t> resolveGroup(const std::string& group) {
  ::group entry{};
  std::vector<char> buffer;
  auto found = lookUp(entry, buffer, "group " + group,
                      [&](auto... args) { return getgrnam_r(group.c_str(), args...); });
  if (!found) return fail(found.error().text, found.error().sysErrno);
  if (*found) return entry.gr_gid;
  if (auto gid = number(group)) return *gid;
  return fail(fmt::format("there is no group \"{}\"", group));
}

Result<Identity> resolveIdentity(const std::string& user, const std::string& group) {
  Identity who;
  passwd entry{};
  std::vector<char> buffer;
  auto found = findUser(user, entry, buffer);
  if (!found) return fail(found.error().text, found.error().sysErrno);
  if (*found) {
    who.uid = entry.pw_uid;
    who.gid = entry.pw_gid;
    who.userName = entry.pw_name;
  } else if (auto uid = number(user)) {
    if (group.empty())
      return fail(fmt::format("the system does not know user {}: group must be set as well", user));
    who.uid = *uid;
    who.userName = user;
  } else {
    return fail(fmt::format("there is no user \"{}\"", user));
  }
  if (!group.empty()) {
    auto gid = resolveGroup(group);
    if (!gid) return fail(gid.error().text, gid.error().sysErrno);
    who.gid = *gid;
    who.groupGiven = true;
  }
  who.groups = *found ? groupsOf(entry.pw_name, who.gid) : std::vector<gid_t>{who.gid};
  return who;
}

Result<void> checkIdentityReachable(const Identity& who) {
  if (geteuid() == 0) return {};
  if (geteuid() != who.uid) {
    return fail(fmt::format("cannot become user {}: culvert was not started as root but as user {}",
                            who.userName, ownName()),
                EPERM);
  }
  if (who.groupGiven && getegid() != who.gid) {
    return fail(
        fmt::format("cannot become group {}: culvert was not started as root and runs as group {}",
                    who.gid, getegid()),
        EPERM);
  }
  return {};
}

Result<PrivilegeReport> dropPrivileges(const Identity* who) {
  PrivilegeReport report;
  const std::vector<cap_value_t> held = keptHere();
  Result<void> done;
  if (who != nullptr) done = checkIdentityReachable(*who);
  if (!done) return fail(done.error().text, done.error().sysErrno);

  if (geteuid() != 0) {
    done = setCapabilities(held);
    report.text =
        fmt::format("user {} ({}:{}), {}", ownName(), geteuid(), getegid(), keptText(held));
  } else if (who != nullptr && who->uid != 0) {
    done = dropFromRoot(*who, held);
    report.text =
        fmt::format("user {} ({}:{}), {}", who->userName, who->uid, who->gid, keptText(held));
  } else {
    if (who != nullptr) done = becomeUser(*who);
    report.runsAsRoot = who == nullptr;
    report.text = fmt::format("user root (0:{})", getegid());
  }
  if (done) done = lockProcess();
  if (!done) return fail(done.error().text, done.error().sysErrno);
  return report;
}

void dropThreadCapabilities() {
  Caps none(cap_init());
  if (none) cap_set_proc(none.get());
}

ControlPrivileges::ControlPrivileges() {
  Caps before(cap_get_proc());
  Caps raised(before ? cap_dup(before.get()) : nullptr);
  if (!raised) return;
  bool change = false;
  for (cap_value_t value : kKept) {
    if (!hasFlag(before, value, CAP_PERMITTED) || hasFlag(before, value, CAP_EFFECTIVE)) continue;
    setFlag(raised, value, CAP_EFFECTIVE);
    change = true;
  }
  if (change && cap_set_proc(raised.get()) == 0) before_ = before.release();
}

ControlPrivileges::~ControlPrivileges() {
  if (before_ == nullptr) return;
  Caps before(static_cast<cap_t>(before_));
  cap_set_proc(before.get());
}

}  // namespace culvert
