// SPDX-License-Identifier: GPL-3.0-or-later
// See random_source.h.
#include "tls/library/random_source.h"

#include <pthread.h>
#include <sys/random.h>

#include <cerrno>
#include <cstring>

namespace {

// The size of the reserve. 256 bytes are enough for three handshakes, and a signal cannot interrupt
// a getrandom(2) call for up to 256 bytes.
constexpr unsigned kReserve = 256;

thread_local unsigned char reserve[kReserve];
thread_local unsigned reserveLeft = 0;

int fromKernel(unsigned char* out, unsigned size) {
  while (size > 0) {
    const ssize_t got = ::getrandom(out, size, 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      return -1;
    }
    out += got;
    size -= static_cast<unsigned>(got);
  }
  return 0;
}

/// Wipes the reserve in a forked child. The child inherits the parent's reserve, but parent and
/// child must not use the same random bytes.
void forgetAfterFork() {
  ::explicit_bzero(reserve, kReserve);
  reserveLeft = 0;
}

[[maybe_unused]] const int kForkWatched = ::pthread_atfork(nullptr, nullptr, &forgetAfterFork);

}  // namespace

extern "C" int culvertRandomBlock(unsigned char* out, unsigned size) {
  if (size == 0) return 0;
  if (size > kReserve) return fromKernel(out, size);
  if (reserveLeft < size) {
    if (fromKernel(reserve, kReserve) != 0) return -1;
    reserveLeft = kReserve;
  }
  reserveLeft -= size;
  std::memcpy(out, reserve + reserveLeft, size);
  ::explicit_bzero(reserve + reserveLeft, size);
  return 0;
}
