// SPDX-License-Identifier: GPL-3.0-or-later
// OutputBuffer: what was written is there in order, after any growth.
#include "tls/record/output_buffer.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace culvert {
namespace {

std::span<const uint8_t> bytesOf(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
std::string textOf(const OutputBuffer& buffer) {
  return {buffer.bytes().begin(), buffer.bytes().end()};
}

TEST(OutputBuffer, IsEmptyAtFirst) {
  for (const size_t capacity : {0, 1, 4096}) {
    OutputBuffer buffer(capacity);
    EXPECT_TRUE(buffer.empty());
    EXPECT_EQ(buffer.size(), 0u);
    EXPECT_TRUE(buffer.bytes().empty());
  }
}

TEST(OutputBuffer, OnlyCommittedBytesCount) {
  OutputBuffer buffer(16);
  uint8_t* place = buffer.reserve(8);
  std::fill_n(place, 8, 'x');
  EXPECT_TRUE(buffer.empty());
  buffer.commit(3);
  EXPECT_EQ(textOf(buffer), "xxx");
  EXPECT_EQ(buffer.reserve(13), place + 3) << "exactly full: no growth";
}

TEST(OutputBuffer, GrowthKeepsTheBytes) {
  OutputBuffer buffer(4);
  buffer.append(bytesOf("abcd"));
  buffer.append(bytesOf("e"));
  EXPECT_EQ(textOf(buffer), "abcde");
  buffer.append(bytesOf(std::string(10'000, 'f')));
  EXPECT_EQ(textOf(buffer), "abcde" + std::string(10'000, 'f'));
}

TEST(OutputBuffer, PrependMovesTheOthers) {
  OutputBuffer buffer(0);
  buffer.prepend(bytesOf("c"));
  buffer.prepend(bytesOf("ab"));
  EXPECT_EQ(textOf(buffer), "abc");
  buffer.prepend({});
  buffer.append({});
  EXPECT_EQ(textOf(buffer), "abc");
}

TEST(OutputBuffer, ClearKeepsTheMemory) {
  OutputBuffer buffer(8);
  buffer.append(bytesOf(std::string(1000, 'x')));
  const uint8_t* memory = buffer.bytes().data();
  buffer.clear();
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.reserve(1000), memory);
}

TEST(OutputBuffer, BehavesAsAString) {
  std::mt19937 engine(1);
  for (int round = 0; round < 50; ++round) {
    OutputBuffer buffer(engine() % 20);
    std::string model;
    for (int step = 0; step < 100; ++step) {
      const std::string part(engine() % 40, static_cast<char>('a' + engine() % 26));
      switch (engine() % 8) {
        case 0:
          buffer.clear();
          model.clear();
          break;
        case 1:
          buffer.prepend(bytesOf(part));
          model.insert(0, part);
          break;
        default:
          buffer.append(bytesOf(part));
          model += part;
      }
      ASSERT_EQ(textOf(buffer), model);
    }
  }
}

}  // namespace
}  // namespace culvert
