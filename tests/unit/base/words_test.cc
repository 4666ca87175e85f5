// SPDX-License-Identifier: GPL-3.0-or-later
// Edit distance, the choice of the name that was meant, and foreign words in messages.
#include "base/words.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

TEST(WordsTest, DistanceCountsInsertDeleteReplaceSwap) {
  EXPECT_EQ(editDistance("listen", "listen", 3), 0u);
  EXPECT_EQ(editDistance("listen", "Listen", 3), 0u);
  EXPECT_EQ(editDistance("lisen", "listen", 3), 1u);
  EXPECT_EQ(editDistance("lissten", "listen", 3), 1u);
  EXPECT_EQ(editDistance("lixten", "listen", 3), 1u);
  EXPECT_EQ(editDistance("litsen", "listen", 3), 1u);
  EXPECT_EQ(editDistance("", "abc", 3), 3u);
  EXPECT_EQ(editDistance("kitten", "sitting", 5), 3u);
}

TEST(WordsTest, DistanceStopsAtTheLimitAndAtLongWords) {
  EXPECT_EQ(editDistance("abcdefgh", "zyxwvuts", 2), 3u);
  EXPECT_EQ(editDistance(std::string(65, 'a'), std::string(65, 'a'), 2), 3u);
  EXPECT_EQ(editDistance(std::string(100'000, 'a'), "a", 2), 3u);
  EXPECT_EQ(editDistance(std::string(64, 'a'), std::string(64, 'a'), 2), 0u);
}

TEST(WordsTest, TheNearestNameIsFound) {
  constexpr std::string_view kNames[] = {"listen",  "backend",      "cert",        "key",
                                         "ciphers", "ciphersuites", "idle-timeout"};
  const std::pair<const char*, const char*> rows[] = {{"lisen", "listen"},
                                                      {"bakend", "backend"},
                                                      {"certificate", "cert"},
                                                      {"cipher", "ciphers"},
                                                      {"ciphersuite", "ciphersuites"},
                                                      {"idletimeout", "idle-timeout"},
                                                      {"idle", "idle-timeout"},
                                                      {"kye", "key"},
                                                      {"zzz", ""},
                                                      {"x", ""},
                                                      {"", ""},
                                                      {"workers", ""}};
  for (const auto& [word, name] : rows) EXPECT_EQ(nearestName(word, kNames), name) << word;
}

TEST(WordsTest, NoControlCharacterGetsIntoAMessage) {
  EXPECT_EQ(printable("plain words, 100%"), "plain words, 100%");
  EXPECT_EQ(printable(std::string_view("a\0b\nc\td\x1b[31m\x7f", 13)), "a?b?c?d?[31m?");
  EXPECT_EQ(printable("g\xc3\xbc\xff~ "), "g\xc3\xbc\xff~ ") << "bytes above ASCII are left alone";
  EXPECT_EQ(printable(""), "");
}

TEST(WordsTest, LongWordsAreCutAndSaySo) {
  EXPECT_EQ(printable("abcd", 4), "abcd");
  EXPECT_EQ(printable("abcde", 4), "abcd..");
  EXPECT_EQ(printable("a", 0), "..");
  EXPECT_EQ(printable(std::string(5000, 'a')), std::string(4096, 'a') + "..");
}

TEST(WordsTest, Words) {
  EXPECT_EQ(didYouMean("key"), " (did you mean \"key\")");
  EXPECT_EQ(didYouMean(""), "");
}

}  // namespace
}  // namespace culvert
