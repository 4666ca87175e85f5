// SPDX-License-Identifier: GPL-3.0-or-later
// See slot_allocator.h.
#include "event/slot_allocator.h"

#include <event2/event.h>
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <utility>

namespace culvert {
namespace {

constexpr size_t kPages = 64 * 1024;  // bytes that are made writable in one step
static_assert(SlotAllocator::kReserved % kPages == 0 && kPages % SlotAllocator::kSlot == 0);

#ifndef CULVERT_SANITIZED
constinit SlotAllocator libeventSlots;
#endif

}  // namespace

void* SlotAllocator::allocate(size_t size) {
  if (size <= kSlot) {
    if (void* slot = takeSlot()) return slot;
  }
  return std::malloc(size);
}

void* SlotAllocator::resize(void* block, size_t size) {
  if (block == nullptr) return allocate(size);
  if (!isSlot(block)) return std::realloc(block, size);
  if (size <= kSlot) return block;
  void* moved = std::malloc(size);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, kSlot);
  release(block);
  return moved;
}

void SlotAllocator::release(void* block) {
  if (!isSlot(block)) return std::free(block);
  const std::lock_guard lock(mutex_);
  *static_cast<void**>(block) = std::exchange(free_, block);
}

size_t SlotAllocator::usedBytes() {
  const std::lock_guard lock(mutex_);
  return static_cast<size_t>(next_ - first_);
}

bool SlotAllocator::isSlot(const void* block) {
  const std::lock_guard lock(mutex_);
  return first_ != nullptr && !std::less<>{}(block, static_cast<const void*>(first_)) &&
         std::less<>{}(block, static_cast<const void*>(first_ + kReserved));
}

/// Returns a free slot, or nullptr if no slot is left. In that case the caller uses malloc.
void* SlotAllocator::takeSlot() {
  const std::lock_guard lock(mutex_);
  if (free_ != nullptr) return std::exchange(free_, *static_cast<void**>(free_));
  if (!std::exchange(reserved_, true)) {
    void* space = ::mmap(nullptr, kReserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (space != MAP_FAILED) first_ = next_ = usable_ = static_cast<char*>(space);
  }
  if (next_ == usable_) {
    if (first_ == nullptr || usable_ == first_ + kReserved) return nullptr;
    if (::mprotect(usable_, kPages, PROT_READ | PROT_WRITE) != 0) return nullptr;
    usable_ += kPages;
  }
  return std::exchange(next_, next_ + kSlot);
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
