// SPDX-License-Identifier: GPL-3.0-or-later
// RingBuffer is a byte FIFO of fixed capacity with chunked access: fill `writable()` and commit,
// read `readable()` and consume; it makes no copy itself. It leases its block from a BufferPool at
// the first write and returns it when the last byte leaves. Thread: loop.
//
//            head_            head_ + size_
//   |  free    |  readable bytes  |  writable  |     (both may wrap around the end of the block)
//
// Invariants:
//   1. block_ == nullptr if and only if size_ == 0 and no writable() span is outstanding.
//   2. An empty buffer starts again at 0, so bytes wrap only while the reader is behind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "buffer/buffer_pool.h"

namespace culvert {

class RingBuffer {
 public:
  RingBuffer(BufferPool& pool, size_t capacity) : pool_(pool), capacity_(capacity) {}
  ~RingBuffer() { clear(); }
  RingBuffer(const RingBuffer&) = delete;
  RingBuffer& operator=(const RingBuffer&) = delete;

  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  size_t room() const { return capacity_ - size_; }
  bool empty() const { return size_ == 0; }

  /// The first contiguous piece of free space; leases a block if there is none. Empty if the buffer
  /// is full or memory runs out; in the latter case outOfMemory() is true. Call commit()
  /// afterwards, with 0 if nothing was written.
  std::span<uint8_t> writable();
  void commit(size_t bytes);
  bool outOfMemory() const { return block_ == nullptr && outOfMemory_; }

  /// The first contiguous piece of the bytes; empty when there are none.
  std::span<const uint8_t> readable() const;
  void consume(size_t bytes);

  /// Copies all of `bytes`, or returns false and copies nothing if there is not enough room or
  /// memory.
  [[nodiscard]] bool append(std::span<const uint8_t> bytes);

  /// Discards the bytes and returns the block.
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
