// SPDX-License-Identifier: GPL-3.0-or-later
// BufferPool lends memory blocks to ring buffers while they have bytes, so that an idle tunnel
// holds none. Returned blocks wait in a short last-in-first-out list, so that the next user gets
// the one that is most likely in the cache. Further blocks go back to the system at once. Memory
// only, never a socket. Thread: loop (one pool for each worker).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace culvert {

class BufferPool {
 public:
  /// Keeps at most `keepBytes` of returned blocks ready for reuse.
  explicit BufferPool(size_t keepBytes = kDefaultKeepBytes) : keepBytes_(keepBytes) {}
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// A block of `size` bytes, uninitialised; nullptr if memory runs out. The caller returns it with
  /// the same size.
  [[nodiscard]] uint8_t* lease(size_t size);
  void giveBack(uint8_t* block, size_t size) noexcept;

  /// Frees every block that waits for reuse.
  void trim();

  size_t leasedBytes() const { return leasedBytes_; }  ///< in use now
  size_t keptBytes() const { return keptBytes_; }      ///< waiting for reuse

 private:
  struct SizeClass {
    size_t size;
    std::vector<uint8_t*> free;
  };
  SizeClass& classFor(size_t size);

  static constexpr size_t kDefaultKeepBytes = 2 * 1024 * 1024;

  const size_t keepBytes_;
  size_t leasedBytes_ = 0;
  size_t keptBytes_ = 0;
  std::vector<SizeClass> classes_;  // a few: one for each fifo-size in use
};

}  // namespace culvert
