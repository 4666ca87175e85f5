// SPDX-License-Identifier: GPL-3.0-or-later
// RingBuffer against a std::deque, and when it holds a block and when not.
#include "buffer/ring_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#ifdef __SANITIZE_ADDRESS__
// What no machine has is asked for below; AddressSanitizer shall answer as malloc does.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
#endif

namespace culvert {
namespace {

constexpr size_t kTooMuch = size_t{1} << 52;  // more than an address space

std::span<const uint8_t> bytesOf(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

/// All readable bytes, taken out piece by piece.
std::string drain(RingBuffer& buffer) {
  std::string all;
  while (!buffer.empty()) {
    const std::span<const uint8_t> piece = buffer.readable();
    EXPECT_FALSE(piece.empty());
    if (piece.empty()) break;
    all.append(piece.begin(), piece.end());
    buffer.consume(piece.size());
  }
  return all;
}

size_t fill(RingBuffer& buffer, size_t bytes, uint8_t value) {
  size_t done = 0;
  while (done < bytes) {
    const std::span<uint8_t> free = buffer.writable();
    if (free.empty()) break;
    const size_t n = std::min(free.size(), bytes - done);
    std::fill_n(free.begin(), n, value);
    buffer.commit(n);
    done += n;
  }
  return done;
}

TEST(RingBuffer, HoldsABlockOnlyWhileItHasBytes) {
  BufferPool pool;
  RingBuffer buffer(pool, 4096);
  EXPECT_EQ(pool.leasedBytes(), 0u);
  EXPECT_TRUE(buffer.readable().empty());

  EXPECT_EQ(buffer.writable().size(), 4096u);
  EXPECT_EQ(pool.leasedBytes(), 4096u + RingBuffer::kSpare);
  buffer.commit(0);  // nothing was read after all
  EXPECT_EQ(pool.leasedBytes(), 0u);

  ASSERT_TRUE(buffer.append(bytesOf("hello")));
  EXPECT_EQ(pool.leasedBytes(), 4096u + RingBuffer::kSpare);
  buffer.consume(4);
  EXPECT_EQ(pool.leasedBytes(), 4096u + RingBuffer::kSpare);
  EXPECT_EQ(drain(buffer), "o");
  EXPECT_EQ(pool.leasedBytes(), 0u);
}

TEST(RingBuffer, CommittingNothingKeepsWhatIsThere) {
  BufferPool pool;
  RingBuffer buffer(pool, 64);
  ASSERT_TRUE(buffer.append(bytesOf("abc")));
  EXPECT_EQ(buffer.writable().size(), 61u);
  buffer.commit(0);
  EXPECT_EQ(drain(buffer), "abc");
}

TEST(RingBuffer, AnEmptyBufferStartsAtTheFront) {
  BufferPool pool;
  RingBuffer buffer(pool, 64);
  ASSERT_TRUE(buffer.append(bytesOf(std::string(60, 'x'))));
  buffer.consume(60);
  EXPECT_EQ(buffer.writable().size(), 64u);
  buffer.commit(64);
  EXPECT_EQ(buffer.readable().size(), 64u);
  buffer.clear();
}

TEST(RingBuffer, WrapsInTwoPieces) {
  BufferPool pool;
  RingBuffer buffer(pool, 8);
  ASSERT_TRUE(buffer.append(bytesOf("abcdef")));
  buffer.consume(4);
  EXPECT_EQ(buffer.writable().size(), 2u);
  ASSERT_TRUE(buffer.append(bytesOf("ghij")));
  EXPECT_EQ(buffer.size(), 6u);
  EXPECT_EQ(buffer.room(), 2u);
  EXPECT_EQ(buffer.writable().size(), 2u);
  EXPECT_EQ(buffer.readable().size(), 4u);  // "efgh", then "ij"
  EXPECT_EQ(drain(buffer), "efghij");
}

TEST(RingBuffer, AFullBufferOffersNoSpaceAndIsNotOutOfMemory) {
  BufferPool pool;
  RingBuffer buffer(pool, 8);
  ASSERT_TRUE(buffer.append(bytesOf("abcdefgh")));
  EXPECT_TRUE(buffer.writable().empty());
  EXPECT_FALSE(buffer.outOfMemory());
  buffer.consume(3);
  EXPECT_EQ(buffer.writable().size(), 3u);
  EXPECT_EQ(drain(buffer), "defgh");
}

TEST(RingBuffer, AppendTakesAllOrNothing) {
  BufferPool pool;
  RingBuffer buffer(pool, 8);
  EXPECT_FALSE(buffer.append(bytesOf("123456789")));
  EXPECT_EQ(pool.leasedBytes(), 0u);
  ASSERT_TRUE(buffer.append(bytesOf("12345")));
  EXPECT_FALSE(buffer.append(bytesOf("6789")));
  EXPECT_TRUE(buffer.append(bytesOf("678")));
  EXPECT_TRUE(buffer.append({}));
  EXPECT_EQ(drain(buffer), "12345678");
  EXPECT_TRUE(buffer.append({}));
  EXPECT_EQ(pool.leasedBytes(), 0u);
}

TEST(RingBuffer, WithoutMemoryNothingIsTaken) {
  BufferPool pool;
  RingBuffer buffer(pool, kTooMuch);
  EXPECT_FALSE(buffer.outOfMemory());
  EXPECT_TRUE(buffer.writable().empty());
  EXPECT_TRUE(buffer.outOfMemory());
  EXPECT_FALSE(buffer.append(std::vector<uint8_t>(RingBuffer::kMiddle + 1)));
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(pool.leasedBytes(), 0u);
}

TEST(RingBuffer, ClearAndDeathGiveTheBlockBack) {
  BufferPool pool;
  {
    RingBuffer buffer(pool, 64);
    ASSERT_TRUE(buffer.append(bytesOf("abc")));
    buffer.clear();
    EXPECT_TRUE(buffer.empty());
    EXPECT_EQ(pool.leasedBytes(), 0u);
    ASSERT_TRUE(buffer.append(bytesOf("def")));
    EXPECT_EQ(pool.leasedBytes(), 64u + RingBuffer::kSpare);
  }
  EXPECT_EQ(pool.leasedBytes(), 0u);
}

TEST(RingBuffer, SpareBytesFollowTheEndOfTheBlock) {
  BufferPool pool;
  RingBuffer buffer(pool, 8);
  EXPECT_EQ(buffer.writable().size(), 8u);
  EXPECT_EQ(buffer.spare(), RingBuffer::kSpare) << "an empty buffer";
  buffer.commit(5);
  EXPECT_EQ(buffer.writable().size(), 3u);
  EXPECT_EQ(buffer.spare(), RingBuffer::kSpare);
  buffer.consume(2);
  EXPECT_EQ(buffer.writable().size(), 3u);
  EXPECT_EQ(buffer.spare(), RingBuffer::kSpare) << "the front is free, too";
  buffer.commit(3);
  EXPECT_EQ(buffer.writable().size(), 2u);
  EXPECT_EQ(buffer.spare(), 0u) << "stored bytes follow the free piece";
  buffer.commit(1);
  EXPECT_EQ(buffer.spare(), 0u);
  buffer.commit(1);
  EXPECT_TRUE(buffer.writable().empty());
  EXPECT_EQ(buffer.spare(), 0u) << "a full buffer that wraps";
  buffer.clear();
  ASSERT_TRUE(buffer.append(bytesOf("abcdefgh")));
  EXPECT_EQ(buffer.spare(), 0u) << "a full buffer that does not wrap";
  buffer.clear();
}

TEST(RingBufferDeathTest, ConsumingOrCommittingTooMuchAborts) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  BufferPool pool;
  RingBuffer buffer(pool, 8);
  ASSERT_TRUE(buffer.append(bytesOf("abc")));
  EXPECT_DEATH(buffer.consume(4), "bytes <= size_");
  EXPECT_DEATH(buffer.commit(6), "bytes <= room");
}

/// One random operation on both; the sizes favour small steps, so that the buffer wraps at every
/// place.
class ModelTest : public testing::TestWithParam<size_t> {
 protected:
  size_t random(size_t below) {
    return std::uniform_int_distribution<size_t>(0, below - 1)(engine_);
  }

  void write() {
    const std::span<uint8_t> free = buffer_.writable();
    EXPECT_EQ(free.empty(), model_.size() == capacity_);
    const size_t n = free.empty() ? 0 : random(free.size() + 1);
    for (size_t i = 0; i < n; ++i) model_.push_back(free[i] = next_++);
    // The spare bytes are never part of the content.
    if (!free.empty()) std::fill_n(free.data() + free.size(), buffer_.spare(), 0xEE);
    if (!free.empty()) buffer_.commit(n);
  }

  void append() {
    std::vector<uint8_t> bytes(random(capacity_ + 2));
    for (uint8_t& byte : bytes) byte = next_++;
    const bool fits = bytes.size() <= capacity_ - model_.size();
    EXPECT_EQ(buffer_.append(bytes), fits);
    if (fits) model_.insert(model_.end(), bytes.begin(), bytes.end());
  }

  void consume() {
    const size_t n = random(model_.size() + 1);
    buffer_.consume(n);
    model_.erase(model_.begin(), model_.begin() + static_cast<std::ptrdiff_t>(n));
  }

  void compare() {
    ASSERT_EQ(buffer_.size(), model_.size());
    ASSERT_EQ(buffer_.room(), capacity_ - model_.size());
    ASSERT_EQ(buffer_.empty(), model_.empty());
    ASSERT_EQ(pool_.leasedBytes(), model_.empty() ? 0 : capacity_ + RingBuffer::kSpare);
    const std::span<const uint8_t> piece = buffer_.readable();
    ASSERT_EQ(piece.empty(), model_.empty());
    ASSERT_TRUE(std::equal(piece.begin(), piece.end(), model_.begin()));
  }

  const size_t capacity_ = GetParam();
  std::mt19937 engine_{static_cast<uint32_t>(20260101 + GetParam())};
  BufferPool pool_;
  RingBuffer buffer_{pool_, capacity_};
  std::deque<uint8_t> model_;
  uint8_t next_ = 0;
};

TEST_P(ModelTest, BehavesAsADeque) {
  for (int i = 0; i < 20'000; ++i) {
    switch (random(16)) {
      case 0:
        buffer_.clear();
        model_.clear();
        break;
      case 1:
      case 2:
      case 3:
        append();
        break;
      case 4:
      case 5:
      case 6:
      case 7:
      case 8:
        write();
        break;
      default:
        consume();
    }
    compare();
    if (HasFatalFailure()) return;
  }
  const std::string rest(model_.begin(), model_.end());
  EXPECT_EQ(drain(buffer_), rest);
}

INSTANTIATE_TEST_SUITE_P(Capacities, ModelTest, testing::Values(1, 2, 3, 7, 64, 1000));

constexpr size_t kFifo = 64 * 1024;

/// A pool whose share is used up to `percent`.
class ShortMemory : public testing::Test {
 protected:
  static constexpr size_t kShare = 1024 * 1024;

  void use(size_t percent) {
    pool_.memory().sub(MemoryUse::kTunnels, pool_.memory().used(MemoryUse::kTunnels));
    pool_.memory().add(MemoryUse::kTunnels, kShare / 100 * percent);
  }
  void SetUp() override { pool_.setMemoryLimit(kShare); }

  BufferPool pool_;
};

TEST_F(ShortMemory, TheFirstBlockIsSmallWhileMemoryIsShort) {
  RingBuffer buffer(pool_, kFifo);
  EXPECT_EQ(buffer.writable().size(), kFifo);
  buffer.commit(0);
  use(80);
  EXPECT_EQ(buffer.writable().size(), RingBuffer::kSmall);
  EXPECT_EQ(buffer.blockBytes(), 20u * 1024);
  EXPECT_EQ(pool_.leasedBytes(), 20u * 1024);
  EXPECT_EQ(buffer.room(), kFifo) << "the block grows if more comes";
  buffer.commit(0);
  EXPECT_EQ(buffer.blockBytes(), 0u);
}

TEST_F(ShortMemory, ASmallBlockGrowsWithoutLoss) {
  use(80);
  RingBuffer buffer(pool_, kFifo);
  std::string all;
  uint8_t next = 0;
  const auto add = [&](size_t bytes) {
    for (size_t i = 0; i < bytes;) {
      const std::span<uint8_t> free = buffer.writable();
      ASSERT_FALSE(free.empty());
      const size_t part = std::min(free.size(), bytes - i);
      for (size_t k = 0; k < part; ++k) all.push_back(static_cast<char>(free[k] = next++));
      buffer.commit(part);
      i += part;
    }
  };
  add(20'000);
  buffer.consume(15'000);
  all.erase(0, 15'000);
  add(15'000);  // wraps in the small block
  EXPECT_EQ(buffer.blockBytes(), 20u * 1024);
  add(kFifo - 20'000);
  EXPECT_EQ(buffer.blockBytes(), kFifo + RingBuffer::kSpare);
  EXPECT_EQ(buffer.room(), 0u);
  EXPECT_TRUE(buffer.writable().empty());
  EXPECT_FALSE(buffer.outOfMemory());
  EXPECT_EQ(drain(buffer), all);
  EXPECT_EQ(pool_.leasedBytes(), 0u);
}

TEST(RingBuffer, ASmallBlockIsEnoughForFewBytes) {
  BufferPool pool;
  RingBuffer buffer(pool, kFifo);
  buffer.expectFew();
  EXPECT_EQ(buffer.writable().size(), RingBuffer::kSmall);
  buffer.commit(RingBuffer::kSmall);
  EXPECT_EQ(buffer.writable().size(), kFifo - RingBuffer::kSmall) << "more comes than was expected";
  buffer.commit(0);
  buffer.clear();
  EXPECT_EQ(buffer.writable().size(), kFifo) << "that was for one block";
  buffer.commit(0);
}

TEST(RingBuffer, AppendLeasesABlockThatFits) {
  BufferPool pool;
  RingBuffer buffer(pool, 192 * 1024);
  std::vector<uint8_t> bytes(300, 1);
  ASSERT_TRUE(buffer.append(bytes));
  EXPECT_EQ(buffer.blockBytes(), 20u * 1024);
  bytes.assign(61 * 1024, 2);
  ASSERT_TRUE(buffer.append(bytes));
  EXPECT_EQ(buffer.blockBytes(), 68u * 1024);
  bytes.assign(100'000, 3);
  ASSERT_TRUE(buffer.append(bytes));
  EXPECT_EQ(buffer.blockBytes(), 192u * 1024 + RingBuffer::kSpare);
  const std::string all = drain(buffer);
  EXPECT_EQ(all, std::string(300, 1) + std::string(61 * 1024, 2) + std::string(100'000, 3));
}

TEST(RingBuffer, ABlockThatCannotGrowKeepsItsBytes) {
  BufferPool pool;
  RingBuffer buffer(pool, kTooMuch);
  ASSERT_TRUE(buffer.append(bytesOf("abc")));
  EXPECT_FALSE(buffer.append(std::vector<uint8_t>(RingBuffer::kMiddle)));
  EXPECT_TRUE(buffer.outOfMemory());
  EXPECT_EQ(drain(buffer), "abc");
}

TEST(BufferPool, CountsWhatTheSystemHasGiven) {
  BufferPool pool;
  const auto used = [&] { return pool.memory().used(MemoryUse::kBuffers); };
  uint8_t* a = pool.lease(4096);
  uint8_t* b = pool.lease(8192);
  EXPECT_EQ(used(), 12'288u);
  pool.giveBack(a, 4096);
  pool.giveBack(b, 8192);
  EXPECT_EQ(used(), pool.keptBytes()) << "blocks for reuse count too";
  pool.trim();
  EXPECT_EQ(used(), 0u);
}

TEST(BufferPool, KeepsASixteenthOfAShare) {
  BufferPool pool;
  std::vector<uint8_t*> blocks;
  for (int i = 0; i < 32; ++i) blocks.push_back(pool.lease(4096));
  for (uint8_t* block : blocks) pool.giveBack(block, 4096);
  pool.setMemoryLimit(1024 * 1024);
  EXPECT_LE(pool.keptBytes(), 65'536u);
  blocks.clear();
  for (int i = 0; i < 32; ++i) blocks.push_back(pool.lease(4096));
  for (uint8_t* block : blocks) pool.giveBack(block, 4096);
  EXPECT_LE(pool.keptBytes(), 65'536u);
  EXPECT_EQ(pool.memory().used(MemoryUse::kBuffers), pool.keptBytes());
}

TEST(BufferPool, ReusesTheLastBlockFirst) {
  BufferPool pool;
  uint8_t* a = pool.lease(4096);
  uint8_t* b = pool.lease(4096);
  ASSERT_NE(a, nullptr);
  ASSERT_NE(b, nullptr);
  EXPECT_NE(a, b);
  EXPECT_EQ(pool.leasedBytes(), 8192u);
  pool.giveBack(a, 4096);
  pool.giveBack(b, 4096);
  EXPECT_EQ(pool.leasedBytes(), 0u);
#ifndef __SANITIZE_ADDRESS__  // there every block is freed at once
  EXPECT_EQ(pool.keptBytes(), 8192u);
  EXPECT_EQ(pool.lease(4096), b);
  EXPECT_EQ(pool.lease(4096), a);
  EXPECT_EQ(pool.keptBytes(), 0u);
  pool.giveBack(a, 4096);
  pool.giveBack(b, 4096);
#endif
}

TEST(BufferPool, KeepsSizesApart) {
  BufferPool pool;
  uint8_t* small = pool.lease(4096);
  pool.giveBack(small, 4096);
  uint8_t* large = pool.lease(65536);
  ASSERT_NE(large, nullptr);
  large[65535] = 1;
  pool.giveBack(large, 65536);
}

TEST(BufferPool, KeepsNoMoreThanItMay) {
  BufferPool pool(10'000);
  std::vector<uint8_t*> blocks;
  for (int i = 0; i < 5; ++i) blocks.push_back(pool.lease(4096));
  for (uint8_t* block : blocks) pool.giveBack(block, 4096);
  EXPECT_LE(pool.keptBytes(), 8192u);
  EXPECT_EQ(pool.leasedBytes(), 0u);
}

TEST(BufferPool, TrimFreesWhatWaits) {
  BufferPool pool;
  uint8_t* lent = pool.lease(4096);
  uint8_t* waiting = pool.lease(4096);
  pool.giveBack(waiting, 4096);
  pool.trim();
  EXPECT_EQ(pool.keptBytes(), 0u);
  EXPECT_EQ(pool.leasedBytes(), 4096u);
  lent[0] = 1;  // a lent block is nobody else's
  pool.giveBack(lent, 4096);
}

TEST(BufferPool, SaysSoWhenThereIsNoMemory) {
  BufferPool pool;
  EXPECT_EQ(pool.lease(kTooMuch), nullptr);
  EXPECT_EQ(pool.leasedBytes(), 0u);
}

TEST(BufferPoolDeathTest, MustOutliveItsBlocks) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        BufferPool pool;
        (void)pool.lease(4096);
      },
      "leasedBytes_ == 0");
}

TEST(RingBuffer, ManyBuffersShareAPool) {
  BufferPool pool;
  RingBuffer a(pool, 4096);
  RingBuffer b(pool, 4096);
  EXPECT_EQ(fill(a, 4096, 'a'), 4096u);
  EXPECT_EQ(fill(b, 5000, 'b'), 4096u);
  EXPECT_EQ(drain(a), std::string(4096, 'a'));
  EXPECT_EQ(fill(a, 10, 'c'), 10u);
  EXPECT_EQ(drain(b), std::string(4096, 'b'));
  EXPECT_EQ(drain(a), std::string(10, 'c'));
}

}  // namespace
}  // namespace culvert
