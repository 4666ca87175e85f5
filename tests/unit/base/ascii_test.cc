// SPDX-License-Identifier: GPL-3.0-or-later
// Kinds of characters, and comparing without case.
#include "base/ascii.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

TEST(AsciiTest, TellsLettersFromDigitsAndTheRest) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool digit = byte >= 0x30 && byte <= 0x39;
    const bool letter = (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
    EXPECT_EQ(isDigit(c), digit) << byte;
    EXPECT_EQ(isLetter(c), letter) << byte;
    EXPECT_EQ(isAlnum(c), digit || letter) << byte;
    EXPECT_EQ(lower(c), byte >= 0x41 && byte <= 0x5a ? static_cast<char>(byte + 0x20) : c) << byte;
  }
}

TEST(AsciiTest, ComparesWithoutCase) {
  EXPECT_EQ(lower(std::string_view("X25519-MLKEM \xc3\x84")), "x25519-mlkem \xc3\x84");
  EXPECT_TRUE(equalNoCase("TLS_AES", "tls_Aes"));
  EXPECT_TRUE(equalNoCase("", ""));
  EXPECT_FALSE(equalNoCase("a", "ab"));
  EXPECT_FALSE(equalNoCase("ab", "a"));
  EXPECT_FALSE(equalNoCase("[", "{")) << "as far apart as a letter's two cases";
}

}  // namespace
}  // namespace culvert
