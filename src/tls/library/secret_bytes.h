// SPDX-License-Identifier: GPL-3.0-or-later
// SecretBytes is a buffer that wipes its bytes from memory when they are freed or replaced.
// SecretBytes holds private keys, PEM files and ticket secrets. It cannot be copied and cannot
// grow, because growing would leave the old block in memory. Thread: one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace culvert {

/// Overwrites memory with zeros. The compiler cannot remove the call as an optimisation.
void wipe(void* memory, size_t size);

class SecretBytes {
 public:
  SecretBytes() = default;
  /// Makes a buffer of `size` zero bytes.
  explicit SecretBytes(size_t size);
  /// Makes a copy of `bytes`.
  explicit SecretBytes(std::span<const uint8_t> bytes);
  SecretBytes(SecretBytes&& other) noexcept { swap(other); }
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    SecretBytes old(std::move(other));
    swap(old);
    return *this;
  }
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes();

  uint8_t* data() { return bytes_.get(); }
  const uint8_t* data() const { return bytes_.get(); }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::span<const uint8_t> span() const { return {bytes_.get(), size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(bytes_.get()), size_}; }
  /// Reduces the size to `size`, and wipes the removed bytes.
  void truncate(size_t size);

 private:
  void swap(SecretBytes& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }
  std::unique_ptr<uint8_t[]> bytes_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

/// Reads a whole regular file or fifo of at most `limit` bytes. Fails if the file is missing, not
/// readable, a directory, empty or longer than `limit`. The error text names the path.
Result<SecretBytes> readSecretFile(const std::string& path, size_t limit = size_t{1} << 20);

}  // namespace culvert
