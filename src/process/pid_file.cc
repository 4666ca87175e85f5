// SPDX-License-Identifier: GPL-3.0-or-later
// To replace the pid file of a dead process, culvert locks that file, and writes and locks a new
// file in the same directory. Then it renames the new file over the old one. Another process may
// have opened the old file meanwhile. After that process has locked the old file, it checks whether
// the path still names the old file. If not, that process starts again.
#include "process/pid_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>
#include <utility>

#include "base/paths.h"

namespace culvert {
namespace {

constexpr int kOpenFlags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
constexpr mode_t kMode = 0644;
constexpr int kAttempts = 10;

tl::unexpected<Error> pidFailed(const std::string& path, int error) {
  return fail(
      fmt::format("cannot write the pid file {}: {}{}", path, errnoText(error), quoteNote(path)),
      error);
}

std::string holderText(int fd) {
  char text[16] = {};
  ssize_t size = ::pread(fd, text, sizeof text - 1, 0);
  int pid = 0;
  if (size <= 0 || std::sscanf(text, "%d", &pid) != 1 || pid <= 0) return "another process";
  return fmt::format("process {}", pid);
}

bool isStillAt(const std::string& path, int fd) {
  struct stat byName {};
  struct stat byFd {};
  return ::lstat(path.c_str(), &byName) == 0 && ::fstat(fd, &byFd) == 0 &&
         byName.st_ino == byFd.st_ino && byName.st_dev == byFd.st_dev;
}

/// Replaces the file's content by the process number. Returns 0 or an errno.
int writePid(int fd) {
  std::string text = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd, 0) != 0) return errno;
  ssize_t size = ::pwrite(fd, text.data(), text.size(), 0);
  if (size < 0) return errno;
  return size_t(size) == text.size() ? 0 : ENOSPC;
}

/// Writes the process number into a new locked file in the same directory and renames that file to
/// `path`. Returns the new file's descriptor. After a failure, for example if the directory is not
/// writable, returns an invalid descriptor and puts the errno into `error`.
UniqueFd writeBeside(const std::string& path, int& error) {
  std::string beside = fmt::format("{}.{}", path, ::getpid());
  ::unlink(beside.c_str());  // a dead process with the same number may have left the file
  UniqueFd fd(::open(beside.c_str(), kOpenFlags | O_EXCL, kMode));
  error = fd ? 0 : errno;
  if (error == 0 && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) error = errno;
  if (error == 0) error = writePid(fd.get());
  if (error == 0 && ::rename(beside.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return fd;
  if (fd) ::unlink(beside.c_str());
  return {};
}

}  // namespace

Result<PidFile> PidFile::create(const std::string& path) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    UniqueFd present(::open(path.c_str(), kOpenFlags, kMode));
    if (!present) return pidFailed(path, errno);
    if (::flock(present.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return pidFailed(path, errno);
      return fail(fmt::format("the pid file {} is held by {}, which is running", path,
                              holderText(present.get())),
                  EEXIST);
    }
    if (!isStillAt(path, present.get())) continue;
    struct stat info {};
    if (::fstat(present.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
      return fail(fmt::format("the pid file {} exists and is not a regular file", path), EEXIST);
    }
    int error = 0;
    UniqueFd lock = writeBeside(path, error);
    if (!lock && (error == EACCES || error == EPERM || error == EROFS)) {
      // The file is writable but its directory is not, so rewrite the file in place.
      lock = std::move(present);
      error = writePid(lock.get());
    }
    if (error != 0) return pidFailed(path, error);
    PidFile result;
    result.path_ = path;
    result.lock_ = std::move(lock);
    result.owner_ = ::getpid();
    return result;
  }
  return fail(fmt::format("other processes keep replacing the pid file {}", path), EBUSY);
}

PidFile& PidFile::operator=(PidFile&& other) noexcept {
  if (this != &other) {
    remove();
    path_ = std::move(other.path_);
    lock_ = std::move(other.lock_);
    owner_ = other.owner_;
  }
  return *this;
}

PidFile::~PidFile() { remove(); }

void PidFile::remove() {
  if (!lock_) return;
  // A forked child only closes its copy of the descriptor, so the parent keeps the lock.
  if (owner_ == ::getpid() && isStillAt(path_, lock_.get()) && ::unlink(path_.c_str()) != 0) {
    // If ftruncate() fails, too, the file stays. The lock ends with the descriptor in any case.
    [[maybe_unused]] int ignored = ::ftruncate(lock_.get(), 0);
  }
  lock_.reset();
}

}  // namespace culvert
