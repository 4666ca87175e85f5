// SPDX-License-Identifier: GPL-3.0-or-later
// See buffer_pool.h. Blocks come from mmap and not from the heap, because munmap returns memory to
// the system at once. A freed 64 KiB block of a fragmented heap may stay in the process.
#include "buffer/buffer_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "base/check.h"

namespace culvert {
namespace {

#if defined(__SANITIZE_ADDRESS__)
#define CULVERT_POOL_ON_HEAP 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CULVERT_POOL_ON_HEAP 1
#endif
#endif

#ifdef CULVERT_POOL_ON_HEAP  // so that AddressSanitizer knows bounds and lifetime of each block
uint8_t* allocate(size_t size) { return static_cast<uint8_t*>(std::malloc(size)); }
void release(uint8_t* block, size_t) { std::free(block); }
constexpr bool kReuse = false;
#else
uint8_t* allocate(size_t size) {
  void* block = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return block == MAP_FAILED ? nullptr : static_cast<uint8_t*>(block);
}
void release(uint8_t* block, size_t size) { ::munmap(block, size); }
constexpr bool kReuse = true;
#endif

}  // namespace

BufferPool::~BufferPool() {
  CULVERT_CHECK(leasedBytes_ == 0);
  trim();
}

BufferPool::SizeClass& BufferPool::classFor(size_t size) {
  for (SizeClass& c : classes_) {
    if (c.size == size) return c;
  }
  return classes_.emplace_back(SizeClass{size, {}});
}

uint8_t* BufferPool::lease(size_t size) {
  SizeClass& c = classFor(size);
  uint8_t* block = nullptr;
  if (!c.free.empty()) {
    block = c.free.back();
    c.free.pop_back();
    keptBytes_ -= size;
  } else {
    block = allocate(size);
    if (block == nullptr) return nullptr;
    share_.add(MemoryUse::kBuffers, size);
  }
  leasedBytes_ += size;
  return block;
}

void BufferPool::giveBack(uint8_t* block, size_t size) noexcept {
  leasedBytes_ -= size;
  if (kReuse && keptBytes_ + size <= keepBytes_) {
    try {
      classFor(size).free.push_back(block);
      keptBytes_ += size;
      return;
    } catch (const std::bad_alloc&) {  // no memory to add the block to the list
    }
  }
  release(block, size);
  share_.sub(MemoryUse::kBuffers, size);
}

void BufferPool::trim() {
  for (SizeClass& c : classes_) {
    for (uint8_t* block : c.free) release(block, c.size);
    c.free.clear();
  }
  share_.sub(MemoryUse::kBuffers, keptBytes_);
  keptBytes_ = 0;
}

void BufferPool::setMemoryLimit(size_t bytes) {
  share_.setLimit(bytes);
  keepBytes_ = bytes == 0 ? mostKept_ : std::min(mostKept_, bytes / 16);
  if (keptBytes_ > keepBytes_) trim();
}

}  // namespace culvert
