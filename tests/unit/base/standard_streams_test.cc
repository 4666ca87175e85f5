// SPDX-License-Identifier: GPL-3.0-or-later
// printLine: the line as it is, and no harm from a stream that takes nothing.
#include "base/standard_streams.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace culvert {
namespace {

TEST(StandardStreams, LinesAreWrittenAsTheyAre) {
  char* text = nullptr;
  size_t size = 0;
  std::FILE* stream = ::open_memstream(&text, &size);
  ASSERT_NE(stream, nullptr);
  printLine(stream, "a line with 100% and %s");
  printLine(stream, "");
  printLine(stream, std::string_view("nul\0inside", 10));
  std::fclose(stream);
  EXPECT_EQ(std::string(text, size), std::string("a line with 100% and %s\n\nnul\0inside\n", 36));
  std::free(text);
}

TEST(StandardStreams, AFullStreamIsNobodysConcern) {
  std::FILE* stream = std::fopen("/dev/full", "w");
  ASSERT_NE(stream, nullptr);
  std::setvbuf(stream, nullptr, _IONBF, 0);
  printLine(stream, "lost");
  EXPECT_NE(std::ferror(stream), 0);
  printLine(stream, "lost too");
  std::fclose(stream);
}

}  // namespace
}  // namespace culvert
