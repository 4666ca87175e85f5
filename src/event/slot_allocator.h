// SPDX-License-Identifier: GPL-3.0-or-later
// SlotAllocator is where libevent's memory comes from. libevent keeps a slot of 16 bytes for every
// descriptor number a loop has ever seen, until the loop ends; out of the heap these slots would
// lie between the memory of tunnels, and after a burst each would hold its page for good. So small
// blocks get pages of their own, which are never given back: there are only as many as descriptors
// and loops. All others come from malloc. Thread: any.
#pragma once

#include <cstddef>
#include <mutex>

namespace culvert {

class SlotAllocator {
 public:
  SlotAllocator() = default;
  SlotAllocator(const SlotAllocator&) = delete;
  SlotAllocator& operator=(const SlotAllocator&) = delete;

  /// The size of a slot: blocks up to this get one.
  static constexpr size_t kSlot = 16;
  /// Address space for slots, for two million of them; blocks beyond come from malloc.
  static constexpr size_t kReserved = 32 * 1024 * 1024;

  /// Like malloc, realloc and free. The slots outlive the allocator.
  [[nodiscard]] void* allocate(size_t size);
  [[nodiscard]] void* resize(void* block, size_t size);
  void release(void* block);

  /// Bytes of slots that were ever used.
  size_t usedBytes();

 private:
  void* takeSlot();
  bool isSlot(const void* block);

  std::mutex mutex_;
  // All guarded by mutex_.
  void* free_ = nullptr;  // given-back slots, each pointing to the next
  char* first_ = nullptr;
  char* next_ = nullptr;    // the first that was never used
  char* usable_ = nullptr;  // the end of the pages that may be written
  bool reserved_ = false;   // address space was asked for, with or without success
};

/// Makes libevent use one SlotAllocator for the whole process. Before its first allocation; later
/// calls do nothing. Without effect under a sanitizer, which wants to see every block.
void giveLibeventSlots();

}  // namespace culvert
