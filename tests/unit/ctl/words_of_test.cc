// SPDX-License-Identifier: GPL-3.0-or-later
// Values as people read them, and texts of clients made harmless.
#include "ctl/words_of.h"

#include <gtest/gtest.h>

#include <cmath>

namespace culvert {
namespace {

TEST(WordsOf, Durations) {
  EXPECT_EQ(durationWords(0), "0ms");
  EXPECT_EQ(durationWords(999.4), "999ms");
  EXPECT_EQ(durationWords(999.6), "1.0s");
  EXPECT_EQ(durationWords(12'340), "12.3s");
  EXPECT_EQ(durationWords(59'960), "1m00s");
  EXPECT_EQ(durationWords(187'000), "3m07s");
  EXPECT_EQ(durationWords(3'599'600), "1h00m");
  EXPECT_EQ(durationWords(11'523'000), "3h12m");
  EXPECT_EQ(durationWords(446'400'000), "5d04h");
  EXPECT_EQ(durationWords(-1), "-");
  EXPECT_EQ(durationWords(std::nan("")), "-");
  EXPECT_EQ(durationWords(1e300), "-");
}

TEST(WordsOf, BytesAndRates) {
  EXPECT_EQ(bytesWords(0), "0 B");
  EXPECT_EQ(bytesWords(1023), "1023 B");
  EXPECT_EQ(bytesWords(1024), "1.0 KiB");
  EXPECT_EQ(bytesWords(1'258'291), "1.2 MiB");
  EXPECT_EQ(bytesWords(1048575), "1.0 MiB");
  EXPECT_EQ(bytesWords(1e18), "888.2 PiB");
  EXPECT_EQ(bytesWords(-5), "-");
  EXPECT_EQ(rateWords(std::nullopt), "-");
  EXPECT_EQ(rateWords(2048.4), "2.0 KiB/s");
}

TEST(WordsOf, Counts) {
  EXPECT_EQ(countWords(0), "0");
  EXPECT_EQ(countWords(999), "999");
  EXPECT_EQ(countWords(1000), "1,000");
  EXPECT_EQ(countWords(1234567), "1,234,567");
  EXPECT_EQ(countWords(0.25), "0.2");
  EXPECT_EQ(countWords(-12345), "-12,345");
  EXPECT_EQ(countWords(std::nan("")), "-");
  EXPECT_EQ(plural(1, "tunnel"), "1 tunnel");
  EXPECT_EQ(plural(2000, "address", "addresses"), "2,000 addresses");
  EXPECT_EQ(microsWords(999), "999us");
  EXPECT_EQ(microsWords(1234), "1.2ms");
  EXPECT_EQ(microsWords(3.4e6), "3.4s");
  EXPECT_EQ(microsWords(std::nullopt), "-");
}

TEST(WordsOf, Times) {
  EXPECT_EQ(parseTime("1970-01-02T00:00:01Z"), 86401);
  EXPECT_EQ(parseTime("2026-12-01T01:38:13.123Z"), 1796089093);
  for (const char* text : {"", "2026", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
                           "2026-12-01T25:00:00Z", "2026-12-01T01:38:13+01:00"})
    EXPECT_FALSE(parseTime(text)) << text;
  EXPECT_EQ(timeWords("2026-12-01T01:38:13Z"), "2026-12-01 01:38:13 UTC");
  EXPECT_EQ(timeWords("soon\n"), "soon\\x0a");
}

TEST(WordsOf, MakesTextOfOthersVisible) {
  EXPECT_EQ(visible("plain.example"), "plain.example");
  EXPECT_EQ(visible("\x1b[31m\r\n\t\x7f"), "\\x1b[31m\\x0d\\x0a\\x09\\x7f");
  EXPECT_EQ(visible(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(visible("a\\x1b"), "a\\\\x1b");
  EXPECT_EQ(visible("\xc2\x9b"), "\\u009b");
  EXPECT_EQ(visible("\xe2\x80\xae"), "\\u202e");
  EXPECT_EQ(visible("\xe2\x80\x8b"), "\\u200b");
  EXPECT_EQ(visible("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(visible("b\xc3\xbc"), "b\xc3\xbc");
}

TEST(WordsOf, WidthsAndCuts) {
  EXPECT_EQ(displayWidth("abc"), 3U);
  EXPECT_EQ(displayWidth("b\xc3\xbc"), 2U);
  EXPECT_EQ(displayWidth("\xe4\xb8\xad"), 2U);
  EXPECT_EQ(displayWidth("e\xcc\x81"), 1U);
  EXPECT_EQ(cutText("abcdef", 6), "abcdef");
  EXPECT_EQ(cutText("abcdef", 5), "abc..");
  EXPECT_EQ(cutText("abcdef", 1), ".");
  EXPECT_EQ(cutText("abcdef", 0), "");
  // A wide character does not fit into the one column that is left.
  EXPECT_EQ(cutText("\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad", 5), "\xe4\xb8\xad..");
}

TEST(WordsOf, TimeSpans) {
  EXPECT_EQ(parseTimeSpan("10"), Millis(10'000));
  EXPECT_EQ(parseTimeSpan("500ms"), Millis(500));
  EXPECT_EQ(parseTimeSpan("1h30m"), Millis(5'400'000));
  EXPECT_EQ(parseTimeSpan("2d"), Millis(172'800'000));
  for (const char* text : {"", "s", "1x", "10 s", "-1s", "1m30", "9999999999s", "1.5s"})
    EXPECT_FALSE(parseTimeSpan(text)) << text;
}

}  // namespace
}  // namespace culvert
