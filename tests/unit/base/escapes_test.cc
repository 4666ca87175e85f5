// SPDX-License-Identifier: GPL-3.0-or-later
// Escapes of the configuration: the bytes of each, and the words for wrong ones.
#include "base/escapes.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using namespace std::string_literals;

TEST(Escapes, EachStandsForItsByte) {
  EXPECT_EQ(*readEscapes(""), "");
  EXPECT_EQ(*readEscapes("plain text"), "plain text");
  EXPECT_EQ(*readEscapes(R"(PING\r\n)"), "PING\r\n");
  EXPECT_EQ(*readEscapes(R"(\t\0\\)"), "\t\0\\"s);
  EXPECT_EQ(*readEscapes(R"(\x00\xff\xFF\x4a)"), "\0\xff\xff\x4a"s);
  EXPECT_EQ(*readEscapes(R"(\\x41)"), "\\x41");
  EXPECT_EQ(*readEscapes(R"(\x414)"), "A4");
}

TEST(Escapes, TheErrorNamesTheEscapeAndItsPosition) {
  const auto words = [](std::string_view text) { return readEscapes(text).error().text; };
  EXPECT_EQ(words(R"(ab\q)"),
            R"("\q" at character 3 is not an escape; allowed: \r \n \t \0 \\ and \xHH with two )"
            "hexadecimal digits");
  EXPECT_TRUE(words("\\").starts_with("\"\\\" at character 1 "));
  EXPECT_TRUE(words(R"(x\x4)").starts_with(R"("\x4" at character 2 )"));
  EXPECT_TRUE(words(R"(\x4g0)").starts_with(R"("\x4g" at character 1 )"));
  EXPECT_TRUE(words(R"(\x)").starts_with(R"("\x" at character 1 )"));
  EXPECT_TRUE(words(R"(ok\r\X41)").starts_with(R"("\X" at character 5 )"));
  EXPECT_FALSE(readEscapes("\\\0"s));
}

}  // namespace
}  // namespace culvert
