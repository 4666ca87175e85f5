// SPDX-License-Identifier: GPL-3.0-or-later
// The examples of FIPS 180 for SHA-256, whole and in parts.
#include "tls/library/sha256.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/hex.h"

namespace culvert {
namespace {

TEST(Sha256Hasher, HashesTheExamplesOfFips180) {
  const std::string million(1'000'000, 'a');
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {million, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"}};
  for (const auto& [text, digest] : kCases) {
    EXPECT_EQ(encodeHex(sha256Of(asBytes(text))), digest) << text.substr(0, 80);
    Sha256Hasher parts;
    parts.add(text.substr(0, text.size() / 2));
    parts.add(std::string_view());
    parts.add(text.substr(text.size() / 2));
    EXPECT_EQ(encodeHex(parts.finish()), digest) << text.substr(0, 80);
    EXPECT_TRUE(parts.ok());
  }
}

TEST(Sha256Hasher, AnIntegerCountsAsEightBytes) {
  Sha256Hasher number;
  number.addInteger(0);
  EXPECT_EQ(number.finish(), sha256Of(asBytes(std::string_view("\0\0\0\0\0\0\0\0", 8))));
}

}  // namespace
}  // namespace culvert
