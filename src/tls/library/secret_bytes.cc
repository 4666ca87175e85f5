// SPDX-License-Identifier: GPL-3.0-or-later
// Wipes secrets from memory. Reads files that may contain secrets, up to a maximum size.
#include "tls/library/secret_bytes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/paths.h"
#include "base/unique_fd.h"

namespace culvert {

void wipe(void* memory, size_t size) {
  if (size != 0) explicit_bzero(memory, size);
}

SecretBytes::SecretBytes(size_t size) : size_(size), capacity_(size) {
  if (size != 0) bytes_ = std::make_unique<uint8_t[]>(size);
}

SecretBytes::SecretBytes(std::span<const uint8_t> bytes) : SecretBytes(bytes.size()) {
  if (!bytes.empty()) std::memcpy(bytes_.get(), bytes.data(), bytes.size());
}

SecretBytes::~SecretBytes() { wipe(bytes_.get(), capacity_); }

void SecretBytes::truncate(size_t size) {
  if (size >= size_) return;
  wipe(bytes_.get() + size, size_ - size);
  size_ = size;
}

namespace {

/// Reads until `into` is full or the file ends. Returns the number of bytes read, or -1 and sets
/// errno.
ssize_t readAll(int fd, uint8_t* into, size_t room) {
  constexpr int kPipeWaitMs = 2000;  // a pipe (shell process substitution) may still be empty
  size_t got = 0;
  while (got < room) {
    ssize_t n = ::read(fd, into + got, room - got);
    if (n == 0) break;
    if (n > 0) {
      got += static_cast<size_t>(n);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return -1;
    pollfd wait{fd, POLLIN, 0};
    if (::poll(&wait, 1, kPipeWaitMs) == 0) {
      errno = ETIMEDOUT;
      return -1;
    }
  }
  return static_cast<ssize_t>(got);
}

}  // namespace

Result<SecretBytes> readSecretFile(const std::string& path, size_t limit) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd) {
    const int error = errno;
    return fail(fmt::format("cannot open {}: {}{}", path, errnoText(error), quoteNote(path)),
                error);
  }
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return failErrno("cannot read " + path, errno);
  if (S_ISDIR(info.st_mode)) return fail(path + ": is a directory, a file is expected");
  if (!S_ISREG(info.st_mode) && !S_ISFIFO(info.st_mode))
    return fail(path + ": is a device or socket, a file is expected");
  // Try to read one byte more than expected, to detect a file that grows or exceeds the limit.
  size_t room = limit + 1;
  if (S_ISREG(info.st_mode) && static_cast<size_t>(info.st_size) < limit)
    room = static_cast<size_t>(info.st_size) + 1;
  SecretBytes bytes(room);
  ssize_t got = readAll(fd.get(), bytes.data(), room);
  if (got < 0) return failErrno("cannot read " + path, errno);
  if (got == 0) return fail(path + ": is empty");
  if (static_cast<size_t>(got) > limit)
    return fail(fmt::format("{}: is longer than {} bytes", path, limit));
  if (static_cast<size_t>(got) == room) return fail(path + ": changes while it is read");
  bytes.truncate(static_cast<size_t>(got));
  return bytes;
}

}  // namespace culvert
