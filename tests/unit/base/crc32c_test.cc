// SPDX-License-Identifier: GPL-3.0-or-later
// CRC-32C against the values of RFC 3720 B.4 and the usual check value.
#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace culvert {
namespace {

TEST(Crc32c, GivesThePublishedValues) {
  EXPECT_EQ(crc32c({}), 0u);
  EXPECT_EQ(crc32c(asBytes("123456789")), 0xe3069283u);
  EXPECT_EQ(crc32c(std::vector<uint8_t>(32, 0x00)), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::vector<uint8_t>(32, 0xff)), 0x62a8ab43u);
}

TEST(Crc32c, ContinuesAfterEveryCut) {
  constexpr std::string_view kText = "123456789";
  for (size_t cut = 0; cut <= kText.size(); ++cut)
    EXPECT_EQ(crc32c(asBytes(kText.substr(cut)), crc32c(asBytes(kText.substr(0, cut)))),
              0xe3069283u);
}

}  // namespace
}  // namespace culvert
