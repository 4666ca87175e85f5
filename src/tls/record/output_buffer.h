// SPDX-License-Identifier: GPL-3.0-or-later
// OutputBuffer gathers the sealed records of one call, which one send() writes. Records are sealed
// straight into it, so it hands out memory that is not cleared. It grows if a handshake needs more,
// and keeps its memory. Thread: loop (one buffer for each worker).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

namespace culvert {

class OutputBuffer {
 public:
  explicit OutputBuffer(size_t capacity) { grow(capacity); }

  /// Returns memory for `bytes` more bytes behind the last one, uninitialised. Call commit() with
  /// the number of bytes written. Throws std::bad_alloc.
  uint8_t* reserve(size_t bytes) {
    if (capacity_ - size_ < bytes) grow(std::max(size_ + bytes, 2 * capacity_));
    return memory_.get() + size_;
  }
  void commit(size_t bytes) { size_ += bytes; }
  /// Throws std::bad_alloc.
  void append(std::span<const uint8_t> bytes) {
    if (bytes.empty()) return;
    std::memcpy(reserve(bytes.size()), bytes.data(), bytes.size());
    commit(bytes.size());
  }
  /// Inserts `bytes` before all others. Throws std::bad_alloc.
  void prepend(std::span<const uint8_t> bytes) {
    if (bytes.empty()) return;
    reserve(bytes.size());
    std::memmove(memory_.get() + bytes.size(), memory_.get(), size_);
    std::memcpy(memory_.get(), bytes.data(), bytes.size());
    commit(bytes.size());
  }
  void clear() { size_ = 0; }

  std::span<const uint8_t> bytes() const { return {memory_.get(), size_}; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  void grow(size_t capacity) {
    auto memory = std::make_unique_for_overwrite<uint8_t[]>(capacity);
    if (size_ != 0) std::memcpy(memory.get(), memory_.get(), size_);
    memory_ = std::move(memory);
    capacity_ = capacity;
  }

  std::unique_ptr<uint8_t[]> memory_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace culvert
