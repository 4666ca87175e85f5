// SPDX-License-Identifier: GPL-3.0-or-later
// CMocka's test_malloc() family: guard bytes surround each block. A test fails if it leaves blocks
// behind or writes past their ends. Include cmocka_compat.h.
#pragma once

#include <cstdlib>
#include <cstring>
#include <map>
#include <vector>

#include "cmocka_compat_core.h"

namespace culvert::cmocka {

class GuardedHeap {
 public:
  void* allocate(size_t size, Place place) {
    auto* raw = static_cast<unsigned char*>(std::malloc(size + 2 * kGuard));
    if (raw == nullptr) return nullptr;
    std::memset(raw, kPattern, size + 2 * kGuard);
    blocks_[raw + kGuard] = {size, ++serial_, place};
    return raw + kGuard;
  }

  void release(void* memory, Place place) {
    if (memory == nullptr) return;
    const auto found = blocks_.find(memory);
    if (found == blocks_.end()) leave(place, "test_free() of what test_malloc() did not give");
    const Block block = found->second;
    auto* raw = static_cast<unsigned char*>(memory) - kGuard;
    if (!guardIntact(raw) || !guardIntact(raw + kGuard + block.size)) {
      leave(block.place, "a guard block next to this allocation was overwritten");
    }
    blocks_.erase(found);
    std::free(raw);
  }

  void* reallocate(void* memory, size_t size, Place place) {
    if (memory == nullptr) return allocate(size, place);
    if (size == 0) {
      release(memory, place);
      return nullptr;
    }
    const auto found = blocks_.find(memory);
    if (found == blocks_.end()) leave(place, "test_realloc() of what test_malloc() did not give");
    const size_t keep = found->second.size < size ? found->second.size : size;
    void* moved = allocate(size, place);
    if (moved == nullptr) return nullptr;
    std::memcpy(moved, memory, keep);
    release(memory, place);
    return moved;
  }

  /// A mark: blocks that are allocated later are younger.
  size_t mark() const { return serial_; }

  /// Frees all blocks younger than the mark, and fails if there is one.
  void failIfYounger(size_t mark) {
    const Place* first = nullptr;
    Place place{};
    for (auto block = blocks_.begin(); block != blocks_.end();) {
      if (block->second.serial <= mark) {
        ++block;
        continue;
      }
      place = block->second.place;
      first = &place;
      std::free(static_cast<unsigned char*>(block->first) - kGuard);
      block = blocks_.erase(block);
    }
    if (first != nullptr) leave(*first, "this block was not freed");
  }

 private:
  struct Block {
    size_t size;
    size_t serial;
    Place place;
  };
  static constexpr size_t kGuard = 32;
  static constexpr unsigned char kPattern = 0xEF;

  static bool guardIntact(const unsigned char* guard) {
    for (size_t i = 0; i < kGuard; ++i) {
      if (guard[i] != kPattern) return false;
    }
    return true;
  }

  std::map<void*, Block> blocks_;
  size_t serial_ = 0;
};

inline GuardedHeap& heap() {
  static GuardedHeap all;
  return all;
}

inline void* zeroed(void* memory, size_t size) {
  return memory == nullptr ? nullptr : std::memset(memory, 0, size);
}

}  // namespace culvert::cmocka

#define test_malloc(size) ::culvert::cmocka::heap().allocate(size, CULVERT_CMOCKA_PLACE)
#define test_calloc(num, size) \
  ::culvert::cmocka::zeroed(test_malloc((num) * (size)), (num) * (size))
#define test_realloc(ptr, size) \
  ::culvert::cmocka::heap().reallocate(ptr, size, CULVERT_CMOCKA_PLACE)
#define test_free(ptr) ::culvert::cmocka::heap().release(ptr, CULVERT_CMOCKA_PLACE)
