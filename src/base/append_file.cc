// SPDX-License-Identifier: GPL-3.0-or-later
// culvert follows the path one component at a time, with O_PATH descriptors. So it opens exactly
// the directories and the file that it has checked, even if another process renames files
// meanwhile.
#include "base/append_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <climits>

#include "base/words.h"

namespace culvert {
namespace {

constexpr int kMostLinks = 40;  // the same as the kernel's limit for symbolic links
constexpr int kDirectory = O_PATH | O_DIRECTORY | O_CLOEXEC;
// O_NONBLOCK prevents open() from blocking if the path leads to a pipe. O_NONBLOCK has no effect on
// regular files.
constexpr int kAppend = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

bool isTrusted(uid_t user) { return user == 0 || user == ::geteuid(); }

tl::unexpected<Error> failed(int error) { return fail(errnoText(error), error); }

/// The directory and name to which a path leads after all symbolic links.
struct Place {
  UniqueFd directory;
  struct stat status {};  // status of the directory
  std::string name;     // the name in the directory; it is a symbolic link only if `inProc` is true
  bool inProc = false;  // true for a link such as /proc/self/fd/1, which only the kernel can follow
  bool lastIsLink = false;

  bool isShared() const { return !isTrusted(status.st_uid) || (status.st_mode & 0022) != 0; }
};

class Walk {
 public:
  Result<Place> to(const std::string& path) {
    if (Result<void> begun = begin(path); !begun) return tl::unexpected(begun.error());
    while (true) {
      const size_t end = rest_.find('/');
      const std::string name = rest_.substr(0, end);
      rest_.erase(0, end == std::string::npos ? end : rest_.find_first_not_of('/', end));
      if (end != std::string::npos && rest_.empty()) rest_ = ".";  // the path ends in "/"
      const Result<bool> arrived = step(name.empty() ? "." : name);
      if (!arrived) return tl::unexpected(arrived.error());
      if (*arrived) return std::move(place_);
    }
  }

 private:
  Result<void> begin(const std::string& path) {
    const bool absolute = path.starts_with('/');
    if (absolute || !place_.directory)
      if (Result<void> entered = enter(absolute ? "/" : ".", 0, AT_FDCWD); !entered) return entered;
    const size_t start = path.find_first_not_of('/');
    rest_ =
        start == std::string::npos ? "." : path.substr(start) + (rest_.empty() ? "" : "/" + rest_);
    return {};
  }

  Result<void> enter(const std::string& name, int flags, int from) {
    UniqueFd next(::openat(from, name.c_str(), kDirectory | flags));
    struct statfs system {};
    if (!next || ::fstat(next.get(), &place_.status) != 0 || ::fstatfs(next.get(), &system) != 0)
      return failed(errno);
    place_.directory = std::move(next);
    place_.inProc = system.f_type == PROC_SUPER_MAGIC;
    return {};
  }

  /// Follows the component `name` of the path. Returns true if this component is the file itself.
  Result<bool> step(const std::string& name) {
    struct stat status {};
    const bool last = rest_.empty();
    const int directory = place_.directory.get();
    if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 &&
        !(errno == ENOENT && last))
      return failed(errno);
    const bool link = S_ISLNK(status.st_mode);
    if (link && !place_.inProc) return follow(name, status.st_uid);
    if (last) {
      place_.name = name;
      return true;
    }
    Result<void> entered = enter(name, link ? 0 : O_NOFOLLOW, directory);
    if (!entered) return tl::unexpected(entered.error());
    return false;
  }

  Result<bool> follow(const std::string& name, uid_t owner) {
    const struct stat& status = place_.status;
    if (!isTrusted(status.st_uid))
      return fail(
          fmt::format("\"{}\" is a symbolic link in a directory of user {}; allowed: a link "
                      "in a directory of root or of culvert's own user",
                      printable(name, 200), status.st_uid),
          ELOOP);
    if ((status.st_mode & 0022) != 0 && !isTrusted(owner))
      return fail(fmt::format("\"{}\" is a symbolic link of user {} in a directory that others can "
                              "write; allowed: a link of root or of culvert's own user",
                              printable(name, 200), owner),
                  ELOOP);
    char target[PATH_MAX];
    const ssize_t size = ::readlinkat(place_.directory.get(), name.c_str(), target, sizeof target);
    if (size < 0) return failed(errno);
    if (++links_ > kMostLinks || size_t(size) == sizeof target) return failed(ELOOP);
    place_.lastIsLink = place_.lastIsLink || rest_.empty();
    if (Result<void> begun = begin(std::string(target, size_t(size))); !begun)
      return tl::unexpected(begun.error());
    return false;
  }

  Place place_;
  std::string rest_;  // the rest of the path, without a leading slash
  int links_ = 0;
};

/// If other users can create files in the directory, checks that the file belongs to an allowed
/// user.
Result<void> checkOwner(const Place& place, const struct stat& file, uid_t owner) {
  if (!place.isShared()) return {};
  if (!isTrusted(file.st_uid) && file.st_uid != owner && file.st_uid != place.status.st_uid)
    return fail(fmt::format("it belongs to user {}, in a directory that other users can write",
                            file.st_uid),
                EPERM);
  if (file.st_nlink > 1)
    return fail("it has more than one hard link, in a directory that other users can write", EPERM);
  return {};
}

Result<UniqueFd> openPresent(const Place& place, uid_t owner) {
  UniqueFd fd(::openat(place.directory.get(), place.name.c_str(),
                       kAppend | (place.inProc ? 0 : O_NOFOLLOW)));
  struct stat file {};
  if (!fd || ::fstat(fd.get(), &file) != 0) return failed(errno);
  if (const auto sound = checkOwner(place, file, owner); !sound)
    return tl::unexpected(sound.error());
  return fd;
}

Result<UniqueFd> make(const Place& place, const AppendOptions& options) {
  UniqueFd fd(::openat(place.directory.get(), place.name.c_str(),
                       kAppend | O_CREAT | O_EXCL | O_NOFOLLOW, options.mode));
  if (!fd) return failed(errno);
  const bool given = options.owner != uid_t(-1) || options.group != gid_t(-1);
  if (given && ::fchown(fd.get(), options.owner, options.group) != 0)
    return failErrno("cannot change its owner", errno);
  return fd;
}

}  // namespace

Result<UniqueFd> openForAppend(const std::string& path, const AppendOptions& options) {
  Result<UniqueFd> opened = failed(EAGAIN);
  // Make up to three attempts, because another process may create or remove the file meanwhile.
  for (int attempt = 0; attempt < 3; ++attempt) {
    const Result<Place> place = Walk().to(path);
    if (!place) return tl::unexpected(place.error());
    opened = openPresent(*place, options.owner);
    if (opened || opened.error().sysErrno != ENOENT) return opened;
    if (place->lastIsLink) return fail("it is a dangling link", ENOENT);
    opened = make(*place, options);
    if (opened || opened.error().sysErrno != EEXIST) return opened;
  }
  return opened;
}

Result<void> checkAppendPath(const std::string& path, uid_t owner) {
  const Result<Place> place = Walk().to(path);
  if (!place) return tl::unexpected(place.error());
  struct stat file {};
  if (::fstatat(place->directory.get(), place->name.c_str(), &file,
                place->inProc ? 0 : AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT ? Result<void>{} : failed(errno);
  return checkOwner(*place, file, owner);
}

}  // namespace culvert
