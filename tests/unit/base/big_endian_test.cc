// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers in network byte order, most of it at compile time.
#include "base/big_endian.h"

#include <gtest/gtest.h>

#include <vector>

namespace culvert {
namespace {

constexpr std::array<uint8_t, 9> kBytes{0xff, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};

static_assert(u16At(kBytes, 0) == 0xff01);
static_assert(u16At(kBytes, 7) == 0xcdef);
static_assert(u24At(kBytes, 0) == 0xff0123);
static_assert(u24At(kBytes, 6) == 0xabcdef);
static_assert(u32At(kBytes, 0) == 0xff012345);
static_assert(u32At(kBytes, 5) == 0x89abcdef);
static_assert(bigEndian(std::span(kBytes).subspan(1)) == 0x0123456789abcdef);
static_assert(bigEndian(kBytes) == 0x0123456789abcdef, "the last eight count");
static_assert(bigEndian({}) == 0);
static_assert(u16Bytes(0xff01) == std::array<uint8_t, 2>{0xff, 0x01});
static_assert(u16Bytes(0x12345) == std::array<uint8_t, 2>{0x23, 0x45});

TEST(BigEndian, PutsAsManyBytesAsThereIsRoomFor) {
  const std::vector<uint8_t> all{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
  for (size_t size = 0; size <= 8; ++size) {
    std::vector<uint8_t> out(size, 0xee);
    putBigEndian(0x0123456789abcdef, out);
    EXPECT_EQ(out, std::vector<uint8_t>(all.end() - long(size), all.end())) << size;
  }
  std::vector<uint8_t> ten(10, 0xee);
  putBigEndian(0x0123456789abcdef, ten);
  EXPECT_EQ(ten, (std::vector<uint8_t>{0, 0, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef}));
}

TEST(BigEndian, ReadsWhatItPuts) {
  for (uint64_t number : {uint64_t{0}, uint64_t{1}, uint64_t{0x80ff}, UINT64_MAX}) {
    std::array<uint8_t, 8> out{};
    putBigEndian(number, out);
    EXPECT_EQ(bigEndian(out), number);
    EXPECT_EQ(u32At(out, 4), static_cast<uint32_t>(number));
    EXPECT_EQ(u24At(out, 5), number & 0xffffff);
  }
}

}  // namespace
}  // namespace culvert
