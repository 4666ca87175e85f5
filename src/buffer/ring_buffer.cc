// SPDX-License-Identifier: GPL-3.0-or-later
// See ring_buffer.h.
#include "buffer/ring_buffer.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace culvert {
namespace {

/// The smallest block of a buffer of `capacity` bytes that holds `wanted` bytes.
size_t fittingSpan(size_t wanted, size_t capacity) {
  for (const size_t span : {RingBuffer::kSmall, RingBuffer::kMiddle}) {
    if (wanted <= span && span < capacity) return span;
  }
  return capacity;
}

}  // namespace

std::span<uint8_t> RingBuffer::writable() {
  if (block_ == nullptr) {  // written out, because this happens for each message
    const size_t span = few_ || pool_.tight() ? std::min(kSmall, capacity_) : capacity_;
    few_ = false;
    block_ = pool_.lease(span + kSpare);
    outOfMemory_ = block_ == nullptr;
    if (outOfMemory_) return {};
    span_ = span;
    return {block_, span};
  }
  if (size_ == span_ && !lease(capacity_)) return {};
  const size_t tail = head_ + size_ < span_ ? head_ + size_ : head_ + size_ - span_;
  const size_t end = tail < head_ ? head_ : span_;
  return {block_ + tail, end - tail};
}

void RingBuffer::commit(size_t bytes) {
  CULVERT_CHECK(bytes <= room());
  size_ += bytes;
  giveBackIfEmpty();
}

std::span<const uint8_t> RingBuffer::readable() const {
  if (size_ == 0) return {};
  return {block_ + head_, std::min(size_, span_ - head_)};
}

void RingBuffer::consume(size_t bytes) {
  CULVERT_CHECK(bytes <= size_);
  size_ -= bytes;
  head_ += bytes;
  if (head_ >= span_) head_ -= span_;
  giveBackIfEmpty();
}

bool RingBuffer::append(std::span<const uint8_t> bytes) {
  if (bytes.size() > room()) return false;
  const size_t wanted = size_ + bytes.size();
  if (wanted > span_ && !lease(fittingSpan(wanted, capacity_))) return false;
  while (!bytes.empty()) {
    const std::span<uint8_t> free = writable();
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

/// Leases a block of `span` bytes and moves the stored bytes there. Returns false if the buffer has
/// such a block already, or if memory runs out.
bool RingBuffer::lease(size_t span) {
  if (span <= span_) return false;
  uint8_t* const block = pool_.lease(span + kSpare);
  outOfMemory_ = block == nullptr;
  if (outOfMemory_) return false;
  if (block_ != nullptr) {
    const size_t first = std::min(size_, span_ - head_);
    std::memcpy(block, block_ + head_, first);
    std::memcpy(block + first, block_, size_ - first);
    pool_.giveBack(block_, span_ + kSpare);
  }
  block_ = block;
  span_ = span;
  head_ = 0;
  return true;
}

void RingBuffer::giveBackIfEmpty() {
  if (size_ != 0 || block_ == nullptr) return;
  pool_.giveBack(block_, span_ + kSpare);
  block_ = nullptr;
  span_ = 0;
  head_ = 0;
}

}  // namespace culvert
