// SPDX-License-Identifier: GPL-3.0-or-later
// Hex digits and bytes, both ways, in either case.
#include "base/hex.h"

#include <gtest/gtest.h>

#include <array>

#include "base/bytes.h"

namespace culvert {
namespace {

using Bytes = std::vector<uint8_t>;

TEST(Hex, DigitsOfEitherCase) {
  for (int c = 0; c < 256; ++c) {
    const char digit = static_cast<char>(c);
    const size_t lower = std::string_view("0123456789abcdef").find(digit);
    const size_t upper = std::string_view("0123456789ABCDEF").find(digit);
    const size_t value = std::min(lower, upper);
    EXPECT_EQ(hexDigit(digit), value == std::string_view::npos ? -1 : static_cast<int>(value)) << c;
  }
}

TEST(Hex, EncodesInTheCaseWanted) {
  const Bytes bytes{0x00, 0x0a, 0x9f, 0xff};
  EXPECT_EQ(encodeHex(bytes), "000a9fff");
  EXPECT_EQ(encodeHex(bytes, HexCase::kUpper), "000A9FFF");
  EXPECT_EQ(encodeHex({}), "");
  std::string line = "CLIENT_RANDOM ";
  appendHex(line, bytes);
  EXPECT_EQ(line, "CLIENT_RANDOM 000a9fff");
}

TEST(Hex, DecodesWhatItEncodes) {
  Bytes all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<uint8_t>(i));
  EXPECT_EQ(decodeHex(encodeHex(all)), all);
  EXPECT_EQ(decodeHex(encodeHex(all, HexCase::kUpper)), all);
  EXPECT_EQ(decodeHex("aBcD"), (Bytes{0xab, 0xcd}));
  EXPECT_EQ(decodeHex(""), Bytes{});
}

TEST(Hex, RefusesOddNumbersAndOtherCharacters) {
  for (const char* text : {"0", "abc", "0g", "g0", "0x", " 00", "00 ", "0:0a", "\xc3\xa4"})
    EXPECT_EQ(decodeHex(text), std::nullopt) << text;
  EXPECT_EQ(decodeHex(std::string_view("0\0", 2)), std::nullopt);
}

TEST(Hex, FillsExactlyTheRoomThatThereIs) {
  std::array<uint8_t, 2> out{};
  EXPECT_TRUE(decodeHex("beef", out));
  EXPECT_EQ(out, (std::array<uint8_t, 2>{0xbe, 0xef}));
  for (const char* text : {"", "be", "bee", "beefe", "beef00"}) EXPECT_FALSE(decodeHex(text, out));
}

TEST(Bytes, TextAndBytesAreTheSameMemory) {
  const std::string_view text("a\0\xff", 3);
  EXPECT_EQ(asBytes(text).data(), reinterpret_cast<const uint8_t*>(text.data()));
  EXPECT_EQ(asBytes(text).size(), 3u);
  EXPECT_EQ(asText(asBytes(text)), text);
}

}  // namespace
}  // namespace culvert
