// SPDX-License-Identifier: GPL-3.0-or-later
// Durations, sizes, numbers and switches: what is read, what is refused and in which words, and
// that writing a value and reading it again gives the same.
#include "config/values.h"

#include <gtest/gtest.h>

#include "base/duration.h"

namespace culvert {
namespace {

struct Good {
  const char* text;
  int64_t value;
};
struct Bad {
  const char* text;
  const char* words;
};

TEST(Values, DurationsAreRead) {
  for (const Good& row : std::initializer_list<Good>{{"0", 0},
                                                     {"off", 0},
                                                     {"0s", 0},
                                                     {"1ms", 1},
                                                     {"250ms", 250},
                                                     {"30s", 30'000},
                                                     {"5m", 300'000},
                                                     {"1h", 3'600'000},
                                                     {"1d", 86'400'000},
                                                     {"1h30m", 5'400'000},
                                                     {"1d2h3m4s5ms", 93'784'005},
                                                     {"090s", 90'000}}) {
    const Result<int64_t> value = parseDuration(row.text);
    ASSERT_TRUE(value) << row.text << ": " << value.error().text;
    EXPECT_EQ(*value, row.value) << row.text;
  }
}

TEST(Values, BadDurationsSayWhy) {
  for (const Bad& row : std::initializer_list<Bad>{{"30", "has no unit"},
                                                   {"30", "(did you mean \"30s\")"},
                                                   {"", "is not a duration"},
                                                   {"s", "is not a duration"},
                                                   {"10 s", "is not a duration"},
                                                   {"-1s", "is not a duration"},
                                                   {"1.5h", "is not a duration"},
                                                   {"10S", "is not a duration"},
                                                   {"30m1h", "is not a duration"},
                                                   {"1h1h", "is not a duration"},
                                                   {"1h30", "is not a duration"},
                                                   {"10sec", "is not a duration"},
                                                   {"On", "is not a duration"}}) {
    const Result<int64_t> value = parseDuration(row.text);
    ASSERT_FALSE(value) << row.text;
    EXPECT_NE(value.error().text.find(row.words), std::string::npos) << value.error().text;
  }
}

TEST(Values, DurationsAreWrittenInTheShortestForm) {
  for (const Good& row : std::initializer_list<Good>{{"off", 0},
                                                     {"1ms", 1},
                                                     {"1s500ms", 1500},
                                                     {"1m", 60'000},
                                                     {"1h30m", 5'400'000},
                                                     {"365d", 365 * kDay}}) {
    EXPECT_EQ(formatDuration(row.value), row.text);
    EXPECT_EQ(parseDuration(row.text).value(), row.value);
  }
  for (int64_t value = 1; value < 400 * kDay; value = value * 3 + 7)
    EXPECT_EQ(parseDuration(formatDuration(value)).value(), value);
}

TEST(Values, SizesAreReadAndWritten) {
  for (const Good& row : std::initializer_list<Good>{{"off", 0},
                                                     {"1", 1},
                                                     {"1000", 1000},
                                                     {"64k", 65536},
                                                     {"3m", 3 * kMiB},
                                                     {"2g", 2048 * kMiB}}) {
    EXPECT_EQ(parseSize(row.text).value(), row.value);
    EXPECT_EQ(formatSize(row.value), row.text);
  }
  for (const char* text : {"", "k", "64K", "64kb", "1.5m", "-1", "64 k", "0x10"})
    EXPECT_FALSE(parseSize(text)) << text;
}

TEST(Values, HugeNumbersSaturateInsteadOfWrapping) {
  const std::string nines(300, '9');
  EXPECT_GT(parseDuration(nines + "d").value(), 1000 * kDay);
  EXPECT_GT(parseDuration("99999999999999999999d99999999999999999999h").value(), 1000 * kDay);
  EXPECT_GT(parseSize(nines + "g").value(), 16 * kMiB);
  EXPECT_GT(parseSize(nines).value(), 16 * kMiB);
  EXPECT_GT(parseNumber(nines).value(), 10'000'000);
}

TEST(Values, NumbersAreDigitsOnly) {
  EXPECT_EQ(parseNumber("42").value(), 42);
  for (const char* text : {"", "4x", " 4", "-4", "+4", "4.0"})
    EXPECT_FALSE(parseNumber(text)) << text;
}

TEST(Values, Switches) {
  for (const char* text : {"on", "yes", "true"}) EXPECT_TRUE(parseSwitch(text).value()) << text;
  for (const char* text : {"off", "no", "false"}) EXPECT_FALSE(parseSwitch(text).value()) << text;
  for (const char* text : {"1", "On", "enable", "Yes", "TRUE"})
    EXPECT_NE(parseSwitch(text).error().text.find("(did you mean \"on\")"), std::string::npos)
        << text;
  for (const char* text : {"0", "OFF", "No", "False"})
    EXPECT_NE(parseSwitch(text).error().text.find("(did you mean \"off\")"), std::string::npos)
        << text;
  EXPECT_EQ(parseSwitch("perhaps").error().text, "\"perhaps\" is not allowed; allowed: on, off");
}

TEST(Values, TrimTakesBlanksAndTabs) {
  EXPECT_EQ(trim(" \t a b\t "), "a b");
  EXPECT_EQ(trim(" \t"), "");
}

}  // namespace
}  // namespace culvert
