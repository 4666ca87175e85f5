// SPDX-License-Identifier: GPL-3.0-or-later
// SlotAllocator provides libevent's memory. For every descriptor number that a loop has ever
// watched, libevent keeps a block of 16 bytes until the loop is destroyed. On the heap these blocks
// would be scattered among the memory of tunnels, and after a burst each block would keep its page
// in use. So SlotAllocator puts blocks of up to 16 bytes (slots) on pages of their own. It never
// returns the pages of slots to the system, because the numbers of descriptors and loops limit the
// number of pages. Larger blocks come from malloc. Thread: any.
#pragma once

#include <cstddef>
#include <mutex>

namespace culvert {

class SlotAllocator {
 public:
  SlotAllocator() = default;
  SlotAllocator(const SlotAllocator&) = delete;
  SlotAllocator& operator=(const SlotAllocator&) = delete;

  /// The size of a slot. Blocks up to this size get a slot.
  static constexpr size_t kSlot = 16;
  /// Size of the reserved address space, enough for two million slots. When the space is used up,
  /// small blocks come from malloc too.
  static constexpr size_t kReserved = 32 * 1024 * 1024;

  /// allocate(), resize() and release() work like malloc(), realloc() and free(). Slots stay valid
  /// after the SlotAllocator is destroyed.
  [[nodiscard]] void* allocate(size_t size);
  [[nodiscard]] void* resize(void* block, size_t size);
  void release(void* block);

  /// Total size of the slots that were ever used.
  size_t usedBytes();

 private:
  void* takeSlot();
  bool isSlot(const void* block);

  std::mutex mutex_;
  // mutex_ guards all members below.
  void* free_ = nullptr;  // the first freed slot; each freed slot points to the next one
  char* first_ = nullptr;
  char* next_ = nullptr;    // the first slot that was never used
  char* usable_ = nullptr;  // the end of the writable pages
  bool reserved_ = false;  // true after the attempt to reserve the address space, even if it failed
};

/// Makes libevent use one SlotAllocator for the whole process. The first call must precede
/// libevent's first allocation; later calls have no effect. Has no effect in sanitizer builds,
/// because the sanitizer must see every block.
void giveLibeventSlots();

}  // namespace culvert
