// SPDX-License-Identifier: GPL-3.0-or-later
// Memory between two pages that no instruction may access. A test puts the bytes of a function's
// argument directly before the upper page, or directly after the lower one.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>

namespace culvert {

class GuardedMemory {
 public:
  explicit GuardedMemory(size_t size) : page_(static_cast<size_t>(::sysconf(_SC_PAGESIZE))) {
    size_ = (size + page_ - 1) / page_ * page_;
    void* all = ::mmap(nullptr, size_ + 2 * page_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) throw std::bad_alloc();
    start_ = static_cast<uint8_t*>(all) + page_;
    if (::mprotect(start_, size_, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
  }
  ~GuardedMemory() { ::munmap(start_ - page_, size_ + 2 * page_); }
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;

  /// Returns `size` bytes directly before the upper guard page, or directly after the lower one.
  std::span<uint8_t> take(size_t size, bool high) const {
    return {high ? start_ + size_ - size : start_, size};
  }

 private:
  size_t page_;
  size_t size_;
  uint8_t* start_;
};

}  // namespace culvert
