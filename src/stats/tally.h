// SPDX-License-Identifier: GPL-3.0-or-later
// Tally is one number that one thread changes and any thread reads. Thread: one writer, any reader.
#pragma once

#include <atomic>
#include <cstdint>

namespace culvert {

class Tally {
 public:
  // A load and a store replace fetch_add, which would need a locked instruction. The replacement is
  // safe, because there is only one writer.
  void add(uint64_t amount = 1) { set(get() + amount); }
  void sub(uint64_t amount = 1) { set(get() - amount); }
  void set(uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace culvert
