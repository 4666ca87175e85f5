// SPDX-License-Identifier: GPL-3.0-or-later
// BufferPool leases a memory block to a ring buffer while the buffer contains bytes, so that an
// idle tunnel uses no block. The pool keeps a limited number of returned blocks for reuse. It
// reuses the block returned last, which is most likely still in the CPU's cache. When the limit is
// reached, returned blocks go back to the system at once. The pool has the worker's MemoryShare, in
// which all its blocks count, also the kept ones. Thread: loop (one pool for each worker).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "buffer/memory_share.h"

namespace culvert {

class BufferPool {
 public:
  /// Keeps at most `keepBytes` of returned blocks ready for reuse.
  explicit BufferPool(size_t keepBytes = kDefaultKeepBytes)
      : mostKept_(keepBytes), keepBytes_(keepBytes) {}
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// Returns an uninitialised block of `size` bytes, or nullptr if memory runs out. The first call for
  /// a size may also throw std::bad_alloc. The caller must
  /// pass the block and the same size to giveBack().
  [[nodiscard]] uint8_t* lease(size_t size);
  void giveBack(uint8_t* block, size_t size) noexcept;

  /// Frees all blocks that are kept for reuse.
  void trim();

  MemoryShare& memory() { return share_; }
  /// Sets the worker's share of memory-limit, 0 for none. With a share, the pool keeps at most 1/16 of
  /// it for reuse.
  void setMemoryLimit(size_t bytes);
  /// True if memory is short: buffers should hold one record at most.
  bool tight() const { return share_.level() != MemoryLevel::kAmple; }

  size_t leasedBytes() const { return leasedBytes_; }  ///< total size of the blocks in use
  size_t keptBytes() const { return keptBytes_; }      ///< total size of the blocks kept for reuse

 private:
  struct SizeClass {
    size_t size;
    std::vector<uint8_t*> free;
  };
  SizeClass& classFor(size_t size);

  static constexpr size_t kDefaultKeepBytes = 2 * 1024 * 1024;

  MemoryShare share_;
  const size_t mostKept_;
  size_t keepBytes_;
  size_t leasedBytes_ = 0;
  size_t keptBytes_ = 0;
  std::vector<SizeClass> classes_;  // one for each block size in use, so only a few
};

}  // namespace culvert
