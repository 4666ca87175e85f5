// SPDX-License-Identifier: GPL-3.0-or-later
// Reads and writes numbers in network byte order. The bytes need not be aligned. No function checks
// bounds, so the caller must pass enough bytes. Thread: any.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace culvert {

/// Returns the number that `bytes` encode. If there are more than eight bytes, only the last eight
/// count.
constexpr uint64_t bigEndian(std::span<const uint8_t> bytes) {
  uint64_t number = 0;
  for (const uint8_t byte : bytes) number = number << 8 | byte;
  return number;
}

/// Fills `bytes` with the low-order bytes of `number`.
constexpr void putBigEndian(uint64_t number, std::span<uint8_t> bytes) {
  for (size_t i = bytes.size(); i > 0; number >>= 8) bytes[--i] = static_cast<uint8_t>(number);
}

/// The same for eight bytes at `at`, with one load or store.
inline uint64_t u64At(const uint8_t* at) {
  uint64_t number;
  std::memcpy(&number, at, sizeof number);
  return std::endian::native == std::endian::little ? __builtin_bswap64(number) : number;
}
inline void putU64(uint64_t number, uint8_t* at) {
  if (std::endian::native == std::endian::little) number = __builtin_bswap64(number);
  std::memcpy(at, &number, sizeof number);
}

constexpr uint16_t u16At(std::span<const uint8_t> bytes, size_t at) {
  return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}
constexpr uint32_t u24At(std::span<const uint8_t> bytes, size_t at) {
  return static_cast<uint32_t>(bytes[at]) << 16 | u16At(bytes, at + 1);
}
constexpr uint32_t u32At(std::span<const uint8_t> bytes, size_t at) {
  return static_cast<uint32_t>(u16At(bytes, at)) << 16 | u16At(bytes, at + 2);
}

/// Returns the two low-order bytes of `number`.
constexpr std::array<uint8_t, 2> u16Bytes(size_t number) {
  return {static_cast<uint8_t>(number >> 8), static_cast<uint8_t>(number)};
}

}  // namespace culvert
