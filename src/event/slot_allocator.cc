// SPDX-License-Identifier: GPL-3.0-or-later
// See slot_allocator.h.
#include "event/slot_allocator.h"

#include <event2/event.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

namespace culvert {
namespace {

// In front of every block stands its size; 16 bytes, so that the block has malloc's alignment.
constexpr size_t kHeader = 16;
constexpr size_t kPages = 64 * 1024;
static_assert(kPages % (kHeader + SlotAllocator::kSlot) == 0);

void* blockAt(void* start, size_t size) {
  if (start == nullptr) return nullptr;
  *static_cast<size_t*>(start) = size;
  return static_cast<char*>(start) + kHeader;
}
void* startOf(void* block) { return static_cast<char*>(block) - kHeader; }
size_t sizeOf(void* block) { return *static_cast<size_t*>(startOf(block)); }

#ifndef CULVERT_SANITIZED
constinit SlotAllocator libeventSlots;
#endif

}  // namespace

void* SlotAllocator::allocate(size_t size) {
  if (size <= kSlot) return blockAt(takeSlot(), size);
  if (size > std::numeric_limits<size_t>::max() - kHeader) return nullptr;
  return blockAt(std::malloc(kHeader + size), size);
}

void* SlotAllocator::resize(void* block, size_t size) {
  if (block == nullptr) return allocate(size);
  if (size > std::numeric_limits<size_t>::max() - kHeader) return nullptr;
  if (sizeOf(block) > kSlot && size > kSlot)
    return blockAt(std::realloc(startOf(block), kHeader + size), size);
  void* moved = allocate(size);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, std::min(sizeOf(block), size));
  release(block);
  return moved;
}

void SlotAllocator::release(void* block) {
  if (block == nullptr) return;
  void* start = startOf(block);
  if (sizeOf(block) > kSlot) return std::free(start);
  const std::lock_guard lock(mutex_);
  *static_cast<void**>(start) = std::exchange(free_, start);
}

size_t SlotAllocator::mappedBytes() {
  const std::lock_guard lock(mutex_);
  return mapped_;
}

void* SlotAllocator::takeSlot() {
  const std::lock_guard lock(mutex_);
  if (free_ != nullptr) return std::exchange(free_, *static_cast<void**>(free_));
  if (next_ == end_) {
    void* pages =
        ::mmap(nullptr, kPages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) return nullptr;
    next_ = static_cast<char*>(pages);
    end_ = next_ + kPages;
    mapped_ += kPages;
  }
  return std::exchange(next_, next_ + kHeader + kSlot);
}

void giveLibeventSlots() {
#ifndef CULVERT_SANITIZED
  static std::once_flag once;
  std::call_once(once, [] {
    event_set_mem_functions(
        [](size_t size) { return libeventSlots.allocate(size); },
        [](void* block, size_t size) { return libeventSlots.resize(block, size); },
        [](void* block) { libeventSlots.release(block); });
  });
#endif
}

}  // namespace culvert
