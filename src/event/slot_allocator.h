// SPDX-License-Identifier: GPL-3.0-or-later
// SlotAllocator provides libevent's memory. libevent keeps a slot of 16 bytes for every descriptor
// number that a loop has ever seen, until the loop ends. On the heap these slots would lie between
// the memory of tunnels, and after a burst each would keep its page in use. So small blocks get
// separate pages, which are never returned: there are only as many as descriptors and loops. Other
// blocks come from malloc. Thread: any.
#pragma once

#include <cstddef>
#include <mutex>

namespace culvert {

class SlotAllocator {
 public:
  SlotAllocator() = default;
  SlotAllocator(const SlotAllocator&) = delete;
  SlotAllocator& operator=(const SlotAllocator&) = delete;

  /// The size of a slot: blocks up to this size get one.
  static constexpr size_t kSlot = 16;
  /// Address space for two million slots; further blocks come from malloc.
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
  void* free_ = nullptr;  // returned slots, each pointing to the next
  char* first_ = nullptr;
  char* next_ = nullptr;    // the first slot that was never used
  char* usable_ = nullptr;  // the end of the pages that may be written
  bool reserved_ = false;   // the address space was requested, with or without success
};

/// Makes libevent use one SlotAllocator for the whole process. Call before libevent's first
/// allocation; later calls do nothing. Does nothing under a sanitizer, which must see every block.
void giveLibeventSlots();

}  // namespace culvert
