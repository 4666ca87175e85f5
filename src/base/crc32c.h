// SPDX-License-Identifier: GPL-3.0-or-later
// CRC-32C (Castagnoli), the checksum of RFC 4960 appendix B. Thread: any.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace culvert {

namespace crc32c_detail {
constexpr std::array<uint32_t, 256> makeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < table.size(); ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
    table[i] = crc;
  }
  return table;
}
inline constexpr std::array<uint32_t, 256> kTable = makeTable();
}  // namespace crc32c_detail

/// Returns the checksum of `bytes`. `before` is the checksum of the bytes that come before them.
constexpr uint32_t crc32c(std::span<const uint8_t> bytes, uint32_t before = 0) {
  uint32_t crc = ~before;
  for (const uint8_t byte : bytes) crc = crc >> 8 ^ crc32c_detail::kTable[(crc ^ byte) & 0xff];
  return ~crc;
}

}  // namespace culvert
