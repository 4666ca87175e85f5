// SPDX-License-Identifier: GPL-3.0-or-later
// UTF-8 against its definition: every code point both ways, and what RFC 3629 calls invalid.
#include "base/utf8.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

TEST(Utf8, EveryCodePointComesBack) {
  for (char32_t c = 0; c <= 0x10ffff; ++c) {
    if (c >= 0xd800 && c <= 0xdfff) continue;
    std::string text;
    appendUtf8(text, c);
    const size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    ASSERT_EQ(text.size(), size) << uint32_t(c);
    const Utf8CodePoint read = readUtf8(text + "more");
    ASSERT_EQ(read.bytes, size) << uint32_t(c);
    ASSERT_EQ(read.value, c);
    ASSERT_FALSE(continuesUtf8(text[0]));
    for (size_t i = 1; i < size; ++i) ASSERT_TRUE(continuesUtf8(text[i]));
    for (size_t cut = 1; cut < size; ++cut)
      ASSERT_EQ(readUtf8(std::string_view(text).substr(0, cut)).bytes, 0u) << "cut short";
  }
}

TEST(Utf8, KnowsTheBytes) {
  EXPECT_EQ(readUtf8("A").value, U'A');
  EXPECT_EQ(readUtf8("\xc3\xa4").value, U'\u00e4');
  EXPECT_EQ(readUtf8("\xe2\x82\xac").value, U'\u20ac');
  EXPECT_EQ(readUtf8("\xf0\x9f\x9a\xb0").value, U'\U0001f6b0');
  EXPECT_EQ(readUtf8(std::string_view("\0", 1)).bytes, 1u);
}

TEST(Utf8, RefusesWhatTheRfcCallsInvalid) {
  for (const char* text :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
        "\xff", "\xc3\x28", "\xe2\x28\xa1", "\xe2\x82\x28", "\xf0\x9f\x28\xb0"}) {
    const Utf8CodePoint read = readUtf8(text);
    EXPECT_EQ(read.bytes, 0u) << text;
    EXPECT_EQ(read.value, static_cast<unsigned char>(text[0]));
  }
}

TEST(Utf8, KnowsControlCharacters) {
  for (char32_t c : {0x00, 0x1f, 0x7f, 0x80, 0x9f}) EXPECT_TRUE(isControl(c));
  for (char32_t c : {0x20, 0x7e, 0xa0, 0x2028}) EXPECT_FALSE(isControl(c));
}

}  // namespace
}  // namespace culvert
