// SPDX-License-Identifier: GPL-3.0-or-later
// Keys from bytes in any pieces.
#include "ctl/key_reader.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

std::vector<Key> keysOf(std::string_view bytes, size_t step) {
  KeyReader reader;
  std::vector<Key> keys;
  for (size_t at = 0; at < bytes.size(); at += step)
    for (Key& key : reader.feed(bytes.substr(at, step))) keys.push_back(std::move(key));
  return keys;
}

TEST(KeyReader, AnyPieces) {
  const std::vector<Key> expected = {
      {KeyKind::kText, "a"},        {KeyKind::kUp, ""},        {KeyKind::kDown, ""},
      {KeyKind::kText, "\xc3\xa9"}, {KeyKind::kPageDown, ""},  {KeyKind::kHome, ""},
      {KeyKind::kEnter, ""},        {KeyKind::kBackspace, ""}, {KeyKind::kInterrupt, ""},
      {KeyKind::kSuspend, ""},      {KeyKind::kClearLine, ""}, {KeyKind::kRedraw, ""},
      {KeyKind::kText, " "}};
  const std::string bytes =
      "a\x1b[A\x1bOB\xc3\xa9\x1b[6~\x1b[1~\r\x7f\x03\x1a\x15\x0c\x1b[1;5Q\x1b[999z ";
  for (size_t step = 1; step <= bytes.size(); ++step) EXPECT_EQ(keysOf(bytes, step), expected);
}

TEST(KeyReader, AnEscapeAloneWaits) {
  KeyReader reader;
  EXPECT_TRUE(reader.feed("\x1b").empty());
  EXPECT_TRUE(reader.waits());
  EXPECT_EQ(reader.flush(), (std::vector<Key>{{KeyKind::kEscape, ""}}));
  EXPECT_FALSE(reader.waits());
  EXPECT_EQ(reader.feed("\x1bq"),
            (std::vector<Key>{{KeyKind::kEscape, ""}, {KeyKind::kText, "q"}}));
}

TEST(KeyReader, DropsWhatIsNotAKey) {
  KeyReader reader;
  EXPECT_TRUE(reader.feed("\xff\x80\xc0\x01").empty());
  EXPECT_FALSE(reader.waits());
  EXPECT_EQ(reader.feed("\xe2x"), std::vector<Key>()) << "three bytes are wanted";
  EXPECT_EQ(reader.feed("y").size(), 2U) << "the wrong first byte is dropped";
  reader.feed("\x1b[" + std::string(100, '1'));
  EXPECT_FALSE(reader.waits()) << "a sequence has an end";
}

}  // namespace
}  // namespace culvert
