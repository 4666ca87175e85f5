// SPDX-License-Identifier: GPL-3.0-or-later
// MemoryShare counts the memory that the connections of one worker make culvert hold, and compares
// the sum with the worker's share of memory-limit. It is changed only where memory is taken from the
// system or returned to it, or where a tunnel or a handshake begins or ends, and not for each
// message. Thread: loop (one share for each worker, part of its BufferPool).
//
//   kAmple   below 3/4 of the share: nothing is limited
//   kTight   from 3/4 on: a direction of a tunnel reads only while none of its bytes wait, and then
//            one record
//   kFull    at the share: the worker takes no new connection, too
//
// The level falls again at 5/8 and at 7/8 of the share, so that it does not change with every block.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

namespace culvert {

enum class MemoryUse : uint8_t {
  kBuffers,     ///< blocks of the BufferPool: FIFOs, backlogs, unfinished records
  kHandshakes,  ///< handshakes in progress, with the bytes of hellos
  kTunnels,     ///< tunnels, whatever they do
  kCount
};

enum class MemoryLevel : uint8_t { kAmple, kTight, kFull };

class MemoryShare {
 public:
  /// Sets the share; 0 means no limit.
  void setLimit(size_t bytes);
  size_t limit() const { return limit_; }

  void add(MemoryUse use, size_t bytes) noexcept {
    used_[static_cast<size_t>(use)] += bytes;
    total_ += bytes;
    changed_ = true;
    if (total_ >= high_) judge();
  }
  void sub(MemoryUse use, size_t bytes) noexcept {
    used_[static_cast<size_t>(use)] -= bytes;
    total_ -= bytes;
    changed_ = true;
    if (total_ < low_) judge();
  }

  MemoryLevel level() const { return level_; }
  size_t used(MemoryUse use) const { return used_[static_cast<size_t>(use)]; }
  size_t total() const { return total_; }
  /// True if something has changed since the last call.
  bool takeChanged() { return std::exchange(changed_, false); }

 private:
  static constexpr size_t kNever = std::numeric_limits<size_t>::max();

  void judge() noexcept;

  MemoryLevel level_ = MemoryLevel::kAmple;
  bool changed_ = false;
  size_t total_ = 0;
  size_t high_ = kNever;  // the level rises when total_ reaches this
  size_t low_ = 0;        // the level falls when total_ is below this
  size_t limit_ = 0;
  std::array<size_t, static_cast<size_t>(MemoryUse::kCount)> used_{};
};

/// Counts some bytes as long as it exists. Thread: loop.
class MemoryCharge {
 public:
  /// `share` must outlive this object.
  MemoryCharge(MemoryShare& share, MemoryUse use, size_t bytes)
      : share_(share), bytes_(bytes), use_(use) {
    share_.add(use_, bytes_);
  }
  ~MemoryCharge() { share_.sub(use_, bytes_); }
  MemoryCharge(const MemoryCharge&) = delete;
  MemoryCharge& operator=(const MemoryCharge&) = delete;

  void resize(size_t bytes) {
    share_.add(use_, bytes);
    share_.sub(use_, std::exchange(bytes_, bytes));
  }

 private:
  MemoryShare& share_;
  size_t bytes_;
  const MemoryUse use_;
};

}  // namespace culvert
