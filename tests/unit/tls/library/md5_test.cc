// SPDX-License-Identifier: GPL-3.0-or-later
// The test suite of RFC 1321, whole and in two parts.
#include "tls/library/md5.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/hex.h"

namespace culvert {
namespace {

TEST(Md5, HashesTheTestSuiteOfRfc1321) {
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"", "d41d8cd98f00b204e9800998ecf8427e"},
      {"a", "0cc175b9c0f1b6a831c399e269772661"},
      {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
      {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
       "d174ab98d277d9f5a5611c2c9f419d9f"},
      {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
       "57edf4a22be3c955ac49da2e2107b67a"}};
  for (const auto& [text, digest] : kCases) {
    EXPECT_EQ(encodeHex(md5Of({asBytes(text)})), digest) << text;
    const size_t half = text.size() / 2;
    EXPECT_EQ(encodeHex(md5Of({asBytes(text.substr(0, half)), asBytes(text.substr(half))})), digest)
        << text;
  }
}

}  // namespace
}  // namespace culvert
