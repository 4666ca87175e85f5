// SPDX-License-Identifier: GPL-3.0-or-later
// See md5.h.
#include "tls/library/md5.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

#include "tls/library/secret_bytes.h"

namespace culvert {

namespace {

constexpr std::array<int, 16> kShifts = {7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21};

class Md5 {
 public:
  ~Md5() { wipe(this, sizeof(*this)); }

  void add(std::span<const uint8_t> bytes) {
    for (uint8_t byte : bytes) {
      block_[size_++ % block_.size()] = byte;
      if (size_ % block_.size() == 0) turn();
    }
  }

  Md5Digest finish() {
    const uint64_t bits = size_ * 8;
    constexpr uint8_t kOne[] = {0x80};
    constexpr uint8_t kZero[] = {0};
    add(kOne);
    while (size_ % block_.size() != 56) add(kZero);
    for (unsigned i = 0; i < 8; ++i) {
      const uint8_t byte[] = {static_cast<uint8_t>(bits >> (8 * i))};
      add(byte);
    }
    Md5Digest out;
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<uint8_t>(state_[i / 4] >> (8 * (i % 4)));
    return out;
  }

 private:
  /// Processes one 64-byte block (RFC 1321 3.4).
  void turn() {
    std::array<uint32_t, 16> words{};
    for (size_t i = 0; i < block_.size(); ++i)
      words[i / 4] |= static_cast<uint32_t>(block_[i]) << (8 * (i % 4));
    auto [a, b, c, d] = state_;
    for (unsigned i = 0; i < 64; ++i) {
      uint32_t mixed = 0;
      unsigned word = 0;
      switch (i / 16) {
        case 0:
          mixed = (b & c) | (~b & d);
          word = i;
          break;
        case 1:
          mixed = (d & b) | (~d & c);
          word = 5 * i + 1;
          break;
        case 2:
          mixed = b ^ c ^ d;
          word = 3 * i + 5;
          break;
        default:
          mixed = c ^ (b | ~d);
          word = 7 * i;
          break;
      }
      const auto sine =
          static_cast<uint32_t>(std::floor(4294967296.0 * std::fabs(std::sin(i + 1.0))));
      const uint32_t sum = a + mixed + sine + words[word % 16];
      a = d;
      d = c;
      c = b;
      b += std::rotl(sum, kShifts[i / 16 * 4 + i % 4]);
    }
    state_[0] += a;
    state_[1] += b;
    state_[2] += c;
    state_[3] += d;
    wipe(words.data(), sizeof(words));
  }

  std::array<uint32_t, 4> state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  std::array<uint8_t, 64> block_{};
  uint64_t size_ = 0;
};

}  // namespace

Md5Digest md5Of(std::initializer_list<std::span<const uint8_t>> parts) {
  Md5 md5;
  for (const auto part : parts) md5.add(part);
  return md5.finish();
}

}  // namespace culvert
