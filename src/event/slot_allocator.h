// SPDX-License-Identifier: GPL-3.0-or-later
// SlotAllocator is where libevent's memory comes from. libevent keeps a slot of 16 bytes for every
// descriptor number a loop has ever seen, until the loop ends; out of the heap these slots would
// lie between the memory of tunnels, and after a burst each would hold its page for good. So small
// blocks get pages of their own, which are never given back: there are only as many as descriptors.
// All others come from malloc. Thread: any.
#pragma once

#include <cstddef>
#include <mutex>

namespace culvert {

class SlotAllocator {
 public:
  SlotAllocator() = default;
  SlotAllocator(const SlotAllocator&) = delete;
  SlotAllocator& operator=(const SlotAllocator&) = delete;

  /// The largest block that gets a slot.
  static constexpr size_t kSlot = 16;

  /// Like malloc, realloc and free. The pages of slots outlive the allocator.
  [[nodiscard]] void* allocate(size_t size);
  [[nodiscard]] void* resize(void* block, size_t size);
  void release(void* block);

  /// Bytes of pages mapped for slots so far.
  size_t mappedBytes();

 private:
  void* takeSlot();

  std::mutex mutex_;
  void* free_ = nullptr;  // given-back slots, each pointing to the next; guarded by mutex_
  char* next_ = nullptr;  // the part of the last pages that was never used; guarded by mutex_
  char* end_ = nullptr;
  size_t mapped_ = 0;  // guarded by mutex_
};

/// Makes libevent use one SlotAllocator for the whole process. Before its first allocation; later
/// calls do nothing. Without effect under a sanitizer, which wants to see every block.
void giveLibeventSlots();

}  // namespace culvert
