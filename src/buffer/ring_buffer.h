// SPDX-License-Identifier: GPL-3.0-or-later
// RingBuffer is a byte FIFO of fixed capacity. A writer fills `writable()` and calls commit(); a
// reader reads `readable()` and calls consume(). Both work in the block itself, so bytes are not
// copied. RingBuffer leases a block from a BufferPool for the first byte, and returns the block
// when the buffer is empty. If few bytes come or memory is short, the block is a small one. append() leases a
// block that fits. If a block becomes too small, the bytes move to a larger one. Thread: loop.
//
//            head_            head_ + size_
//   |  free    |  readable bytes  |  writable  |     (both may wrap around the end of the block)
//
// Invariants:
//   1. block_ == nullptr if and only if size_ == 0 and no writable() span is outstanding.
//   2. The block has room for span_ bytes, at most capacity_; span_ == 0 without a block.
//   3. An empty buffer starts again at offset 0. So bytes wrap around only if the reader is slower
//      than the writer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "buffer/buffer_pool.h"

namespace culvert {

class RingBuffer {
 public:
  /// The block is that much longer than the capacity, see spare().
  static constexpr size_t kSpare = 64;
  /// The capacities of smaller blocks. With kSpare they fill whole pages. A small block holds one
  /// record (ByteStream::kReadUnit), encrypted or not; a middle one what one send() leaves.
  static constexpr size_t kSmall = 20 * 1024 - kSpare;
  static constexpr size_t kMiddle = 68 * 1024 - kSpare;

  RingBuffer(BufferPool& pool, size_t capacity) : pool_(pool), capacity_(capacity) {}
  ~RingBuffer() { clear(); }
  RingBuffer(const RingBuffer&) = delete;
  RingBuffer& operator=(const RingBuffer&) = delete;

  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  size_t room() const { return capacity_ - size_; }
  /// The size of the block that the buffer has leased; 0 without one.
  size_t blockBytes() const { return block_ != nullptr ? span_ + kSpare : 0; }
  const BufferPool& pool() const { return pool_; }
  bool empty() const { return size_ == 0; }

  /// Returns the first contiguous piece of free space, and leases a block if the buffer has none.
  /// Returns an empty span if the buffer is full or memory runs out; outOfMemory() is true in the
  /// second case. After writing, call commit() with the number of bytes written, even if it is 0.
  std::span<uint8_t> writable();
  /// Says that few bytes come next, so that an empty buffer leases a small block for them.
  void expectFew() { few_ = true; }
  void commit(size_t bytes);
  /// Returns how many bytes behind the last writable() span the caller may overwrite too. They are
  /// never part of the content: a record's padding may end there.
  size_t spare() const { return head_ + size_ < span_ ? kSpare : 0; }
  bool outOfMemory() const { return outOfMemory_; }

  /// Returns the first contiguous piece of the stored bytes; empty if the buffer is empty.
  std::span<const uint8_t> readable() const;
  void consume(size_t bytes);

  /// Appends all of `bytes` and returns true. If there is not enough room or memory, appends
  /// nothing and returns false.
  [[nodiscard]] bool append(std::span<const uint8_t> bytes);

  /// Discards all stored bytes and returns the block to the pool.
  void clear();

 private:
  bool lease(size_t span);
  void giveBackIfEmpty();

  BufferPool& pool_;
  const size_t capacity_;
  uint8_t* block_ = nullptr;
  size_t span_ = 0;
  size_t head_ = 0;
  size_t size_ = 0;
  bool outOfMemory_ = false;
  bool few_ = false;  // the next block is a small one
};

}  // namespace culvert
