// SPDX-License-Identifier: GPL-3.0-or-later
// See ring_buffer.h.
#include "buffer/ring_buffer.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace culvert {

std::span<uint8_t> RingBuffer::writable() {
  if (room() == 0) return {};
  if (block_ == nullptr) {
    block_ = pool_.lease(capacity_ + kSpare);
    outOfMemory_ = block_ == nullptr;
    if (outOfMemory_) return {};
    head_ = 0;
  }
  const size_t tail = head_ + size_ < capacity_ ? head_ + size_ : head_ + size_ - capacity_;
  const size_t end = tail < head_ ? head_ : capacity_;
  return {block_ + tail, end - tail};
}

void RingBuffer::commit(size_t bytes) {
  CULVERT_CHECK(bytes <= room());
  size_ += bytes;
  giveBackIfEmpty();
}

std::span<const uint8_t> RingBuffer::readable() const {
  if (size_ == 0) return {};
  return {block_ + head_, std::min(size_, capacity_ - head_)};
}

void RingBuffer::consume(size_t bytes) {
  CULVERT_CHECK(bytes <= size_);
  size_ -= bytes;
  head_ += bytes;
  if (head_ >= capacity_) head_ -= capacity_;
  giveBackIfEmpty();
}

bool RingBuffer::append(std::span<const uint8_t> bytes) {
  if (bytes.size() > room()) return false;
  while (!bytes.empty()) {
    const std::span<uint8_t> free = writable();
    if (free.empty())
      return false;  // out of memory; only the first step leases a block, so nothing was copied
    const size_t part = std::min(free.size(), bytes.size());
    std::memcpy(free.data(), bytes.data(), part);
    commit(part);
    bytes = bytes.subspan(part);
  }
  return true;
}

void RingBuffer::clear() {
  size_ = 0;
  giveBackIfEmpty();
}

void RingBuffer::giveBackIfEmpty() {
  if (size_ != 0 || block_ == nullptr) return;
  pool_.giveBack(block_, capacity_ + kSpare);
  block_ = nullptr;
  head_ = 0;
}

}  // namespace culvert
