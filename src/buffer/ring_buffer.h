// SPDX-License-Identifier: GPL-3.0-or-later
// RingBuffer is a byte FIFO of fixed capacity. A writer fills `writable()` and calls commit(); a
// reader reads `readable()` and calls consume(). Both work in the block itself, so bytes are not
// copied. RingBuffer leases a block from a BufferPool for the first byte, and returns the block
// when the buffer is empty. Thread: loop.
//
//            head_            head_ + size_
//   |  free    |  readable bytes  |  writable  |     (both may wrap around the end of the block)
//
// Invariants:
//   1. block_ == nullptr if and only if size_ == 0 and no writable() span is outstanding.
//   2. An empty buffer starts again at offset 0. So bytes wrap around only if the reader is slower
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

  RingBuffer(BufferPool& pool, size_t capacity) : pool_(pool), capacity_(capacity) {}
  ~RingBuffer() { clear(); }
  RingBuffer(const RingBuffer&) = delete;
  RingBuffer& operator=(const RingBuffer&) = delete;

  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  size_t room() const { return capacity_ - size_; }
  bool empty() const { return size_ == 0; }

  /// Returns the first contiguous piece of free space, and leases a block if the buffer has none.
  /// Returns an empty span if the buffer is full or memory runs out; outOfMemory() is true in the
  /// second case. After writing, call commit() with the number of bytes written, even if it is 0.
  std::span<uint8_t> writable();
  void commit(size_t bytes);
  /// Returns how many bytes behind the last writable() span the caller may overwrite too. They are
  /// never part of the content: a record's padding may end there.
  size_t spare() const { return head_ + size_ < capacity_ ? kSpare : 0; }
  bool outOfMemory() const { return block_ == nullptr && outOfMemory_; }

  /// Returns the first contiguous piece of the stored bytes; empty if the buffer is empty.
  std::span<const uint8_t> readable() const;
  void consume(size_t bytes);

  /// Appends all of `bytes` and returns true. If there is not enough room or memory, appends
  /// nothing and returns false.
  [[nodiscard]] bool append(std::span<const uint8_t> bytes);

  /// Discards all stored bytes and returns the block to the pool.
  void clear();

 private:
  void giveBackIfEmpty();

  BufferPool& pool_;
  const size_t capacity_;
  uint8_t* block_ = nullptr;
  size_t head_ = 0;
  size_t size_ = 0;
  bool outOfMemory_ = false;
};

}  // namespace culvert
