// SPDX-License-Identifier: GPL-3.0-or-later
// A shared object that a test preloads into the daemon (LD_PRELOAD): once armed, the n-th request
// for memory fails. Requests are malloc and its sisters, anonymous mappings, and the kernel's room
// for a watched descriptor. The test and the daemon share a file, named by FAILING_MALLOC:
//
//   offset 0   int64  armed    0: nothing fails, nothing is counted
//          8   int64  left     the request that fails: 1 is the next one
//         16   int64  lasting  0: that one alone, 1: all that come after it as well
//         24   int64  failed   how many have failed
//         32   char   threads[32]  only threads whose name begins so; empty: all
//
// With FAILING_MALLOC_TRACE each failure leaves its backtrace on stderr. Thread: any.
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* block, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
}

namespace {

struct Control {
  std::atomic<int64_t> armed;
  std::atomic<int64_t> left;
  std::atomic<int64_t> lasting;
  std::atomic<int64_t> failed;
  char threads[32];
};
static_assert(sizeof(Control) == 64 && std::atomic<int64_t>::is_always_lock_free);

Control* control = nullptr;
bool tracing = false;
int (*realEpollCtl)(int, int, int, epoll_event*) = nullptr;

__attribute__((constructor)) void begin() {
  realEpollCtl =
      reinterpret_cast<int (*)(int, int, int, epoll_event*)>(dlsym(RTLD_NEXT, "epoll_ctl"));
  const char* path = std::getenv("FAILING_MALLOC");
  if (path == nullptr) return;
  const int fd = ::open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  tracing = std::getenv("FAILING_MALLOC_TRACE") != nullptr;
  void* frames[1];
  backtrace(frames, 1);  // loads what it needs now
  void* shared = ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  if (shared != MAP_FAILED) control = static_cast<Control*>(shared);
}

bool meansThisThread() {
  if (control->threads[0] == '\0') return true;
  char name[16] = {};
  ::prctl(PR_GET_NAME, name);
  return std::strncmp(name, control->threads, std::strlen(control->threads)) == 0;
}

/// Whether this request is to fail; errno is set then.
bool fails() {
  if (control == nullptr || control->armed.load() == 0 || !meansThisThread()) return false;
  const int64_t left = control->left.fetch_sub(1);
  if (left > 1 || (left < 1 && control->lasting.load() == 0)) return false;
  control->failed.fetch_add(1);
  if (tracing) {
    void* frames[48];
    const int count = backtrace(frames, 48);
    backtrace_symbols_fd(frames, count, STDERR_FILENO);
    (void)!::write(STDERR_FILENO, "--\n", 3);
  }
  errno = ENOMEM;
  return true;
}

}  // namespace

extern "C" {

void* malloc(size_t size) { return fails() ? nullptr : __libc_malloc(size); }

void* calloc(size_t count, size_t size) { return fails() ? nullptr : __libc_calloc(count, size); }

void* realloc(void* block, size_t size) { return fails() ? nullptr : __libc_realloc(block, size); }

void* memalign(size_t alignment, size_t size) {
  return fails() ? nullptr : __libc_memalign(alignment, size);
}

void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void** block, size_t alignment, size_t size) {
  *block = memalign(alignment, size);
  return *block == nullptr ? ENOMEM : 0;
}

void* mmap(void* address, size_t size, int protection, int flags, int fd, off_t offset) {
  static const auto real =
      reinterpret_cast<void* (*)(void*, size_t, int, int, int, off_t)>(dlsym(RTLD_NEXT, "mmap"));
  if ((flags & MAP_ANONYMOUS) != 0 && fails()) return MAP_FAILED;
  return real(address, size, protection, flags, fd, offset);
}

int epoll_ctl(int poll, int operation, int fd, epoll_event* event) {
  if (operation == EPOLL_CTL_ADD && fails()) return -1;
  return realEpollCtl(poll, operation, fd, event);
}

}  // extern "C"
