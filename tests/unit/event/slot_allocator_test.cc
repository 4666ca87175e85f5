// SPDX-License-Identifier: GPL-3.0-or-later
// The memory that libevent gets: small blocks from pages of their own, used again, all with
// malloc's promises.
#include "event/slot_allocator.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "event/event_loop.h"
#include "event/notify_pipe.h"

namespace culvert {
namespace {

constexpr size_t kSlot = SlotAllocator::kSlot;

TEST(SlotAllocator, BlocksAreAlignedAndApart) {
  SlotAllocator slots;
  std::vector<unsigned char*> blocks;
  for (size_t size = 0; size < 100; ++size) {
    auto* block = static_cast<unsigned char*>(slots.allocate(size));
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % alignof(std::max_align_t), 0u);
    std::memset(block, static_cast<int>(size), size);
    blocks.push_back(block);
  }
  for (size_t size = 0; size < blocks.size(); ++size) {
    for (size_t i = 0; i < size; ++i) ASSERT_EQ(blocks[size][i], size);
    slots.release(blocks[size]);
  }
}

TEST(SlotAllocator, OnlySmallBlocksTakeSlots) {
  SlotAllocator slots;
  void* large = slots.allocate(kSlot + 1);
  EXPECT_EQ(slots.usedBytes(), 0u);
  void* small = slots.allocate(kSlot);
  EXPECT_EQ(slots.usedBytes(), kSlot);
  slots.release(large);
  slots.release(small);
  slots.release(nullptr);
}

TEST(SlotAllocator, GivenBackSlotsAreUsedAgain) {
  SlotAllocator slots;
  std::set<void*> blocks;
  for (int i = 0; i < 5000; ++i) blocks.insert(slots.allocate(kSlot));
  EXPECT_EQ(blocks.size(), 5000u);
  EXPECT_EQ(slots.usedBytes(), 5000 * kSlot);
  for (void* block : blocks) slots.release(block);
  for (int i = 0; i < 5000; ++i) EXPECT_TRUE(blocks.contains(slots.allocate(kSlot)));
  EXPECT_EQ(slots.usedBytes(), 5000 * kSlot);
  for (void* block : blocks) slots.release(block);
}

TEST(SlotAllocator, ResizingKeepsTheBytes) {
  SlotAllocator slots;
  const char text[] = "sixteen bytes 1";  // with its end
  static_assert(sizeof text == kSlot);
  void* block = slots.resize(nullptr, kSlot);
  std::memcpy(block, text, kSlot);
  for (const size_t size : {kSlot + 1, size_t{100'000}, size_t{200}, kSlot}) {
    block = slots.resize(block, size);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(std::memcmp(block, text, kSlot), 0) << size;
  }
  block = slots.resize(block, 4);
  EXPECT_EQ(std::memcmp(block, text, 4), 0);
  slots.release(block);
}

TEST(SlotAllocator, WithoutSlotsLeftMallocServes) {
  SlotAllocator slots;
  constexpr size_t kAll = SlotAllocator::kReserved / kSlot;
  std::vector<void*> blocks;
  for (size_t i = 0; i < kAll + 3; ++i) blocks.push_back(slots.allocate(kSlot));
  EXPECT_EQ(slots.usedBytes(), SlotAllocator::kReserved);
  EXPECT_EQ(std::set<void*>(blocks.end() - 5, blocks.end()).size(), 5u);
  std::memset(blocks.back(), 1, kSlot);
  for (void* block : blocks) slots.release(block);
}

TEST(SlotAllocator, ThreadsShareIt) {
  SlotAllocator slots;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&slots, t] {
      std::vector<int*> mine;
      for (int i = 0; i < 20'000; ++i) {
        mine.push_back(static_cast<int*>(slots.allocate(sizeof(int))));
        *mine.back() = t;
        if (i % 3 != 0) continue;
        ASSERT_EQ(*mine.front(), t);
        slots.release(mine.front());
        mine.front() = mine.back();
        mine.pop_back();
      }
      for (int* block : mine) {
        ASSERT_EQ(*block, t);
        slots.release(block);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(SlotAllocator, LoopsRunOnIt) {
  for (int i = 0; i < 2; ++i) {  // installed once, good for every loop
    EventLoop loop;
    int notified = 0;
    NotifyPipe pipe(loop, &notified, [](void* count) { ++*static_cast<int*>(count); });
    ASSERT_TRUE(pipe.open());
    pipe.notify();
    loop.turn(true);
    EXPECT_EQ(notified, 1);
  }
}

}  // namespace
}  // namespace culvert
