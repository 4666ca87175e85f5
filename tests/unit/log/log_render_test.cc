// SPDX-License-Identifier: GPL-3.0-or-later
// LogLine and its two forms: what a peer sends can neither break a line nor reach the terminal.
#include "log/log_render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace culvert {
namespace {

using namespace std::chrono_literals;
using std::string_literals::operator""s;

struct TextCase {
  std::string raw;
  std::string text;
};

class TextValue : public testing::TestWithParam<TextCase> {};

TEST_P(TextValue, IsQuotedAndEscaped) {
  std::string out;
  appendTextValue(out, GetParam().raw);
  EXPECT_EQ(out, GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Table, TextValue,
    testing::Values(TextCase{"imaps", "imaps"}, TextCase{"", "\"\""}, TextCase{"a b", "\"a b\""},
                    TextCase{"[::1]:443", "[::1]:443"}, TextCase{"k=v", "\"k=v\""},
                    TextCase{"say \"hi\"", R"("say \"hi\"")"}, TextCase{R"(C:\x)", R"("C:\\x")"},
                    TextCase{"a\nlisten", R"("a\nlisten")"}, TextCase{"a\r\tb", R"("a\r\tb")"},
                    TextCase{"a\0b"s, R"("a\x00b")"}, TextCase{"\x1b[31m", R"("\x1b[31m")"},
                    TextCase{"\x7f", R"("\x7f")"},
                    TextCase{"m\xc3\xbcnchen", "\"m\xc3\xbcnchen\""},  // UTF-8 stays
                    TextCase{"\xc2\x9b"
                             "31m",
                             R"("\u{9b}31m")"},  // a C1 control sequence
                    TextCase{"\xe2\x80\xae"
                             "cod",
                             R"("\u{202e}cod")"},                          // right-to-left override
                    TextCase{"\xf0\x9f\x94\x92", "\"\xf0\x9f\x94\x92\""},  // beyond the BMP
                    TextCase{"\xff", R"("\xff")"}, TextCase{"\xc3", R"("\xc3")"},
                    TextCase{"\xc0\xaf", R"("\xc0\xaf")"},                  // overlong
                    TextCase{"\xe0\x80\xaf", R"("\xe0\x80\xaf")"},          // overlong
                    TextCase{"\xed\xa0\x80", R"("\xed\xa0\x80")"},          // a surrogate
                    TextCase{"\xf4\x90\x80\x80", R"("\xf4\x90\x80\x80")"},  // above U+10FFFF
                    TextCase{"\xe2\x82", R"("\xe2\x82")"}));

TEST(LogRender, KeepsTheOrderOfFields) {
  LogLine line(LogLevel::kInfo, "tunnel closed");
  line.add("service", "imaps").add("bytes_in", uint64_t{18446744073709551615U}).add("delta", -3);
  line.add("resumed", true).addMillis("total_ms", 12345us).addMillis("connect_ms", 0.5);
  line.addNonEmpty("sni", "").addNonEmpty("alpn", "h2").add("share", 0.25);
  EXPECT_EQ(renderText(line),
            "tunnel closed service=imaps bytes_in=18446744073709551615 delta=-3 resumed=true "
            "total_ms=12.345 connect_ms=0.500 alpn=h2 share=0.25");
}

TEST(LogRender, MessageCannotBreakTheLine) {
  const LogLine line(LogLevel::kErr, "bad \"x\"\nroot: fine \x1b[2J\xff");
  EXPECT_EQ(renderText(line), R"(bad "x"\nroot: fine \x1b[2J\xff)");
}

TEST(LogRender, JsonIsOneParsableLineWithTheSameKeys) {
  LogLine line(LogLevel::kWarning, "quote \" backslash \\ newline \n");
  line.add("sni", "a\x01\xff\xe2\x80\xa8z").add("n", 7).add("ok", false).addMillis("ms", 1.5);
  line.add("lock", "\xf0\x9f\x94\x92").add("tag", "\xf3\xa0\x80\x81").add("c1", "\xc2\x85");
  line.add("inf", std::numeric_limits<double>::infinity()).addMillis("nan", std::nan(""));
  const std::string text = renderJson(line, WallTime(1795255200123ms), 42);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json["time"], "2026-11-21T10:00:00.123Z");
  EXPECT_EQ(json["level"], "warning");
  EXPECT_EQ(json["pid"], 42);
  EXPECT_EQ(json["msg"], "quote \" backslash \\ newline \n");
  EXPECT_EQ(json["sni"], "a\x01\xef\xbf\xbd\xe2\x80\xa8z");
  EXPECT_EQ(json["n"], 7);
  EXPECT_EQ(json["ok"], false);
  EXPECT_EQ(json["ms"], 1.5);
  EXPECT_EQ(json["lock"], "\xf0\x9f\x94\x92");
  EXPECT_EQ(json["tag"], "\xf3\xa0\x80\x81");  // escaped as a surrogate pair
  EXPECT_EQ(json["inf"], "inf");
  EXPECT_EQ(json["nan"], "nan");
  EXPECT_THAT(text, testing::HasSubstr(R"("tag":"\udb40\udc01")"));
  EXPECT_THAT(text, testing::HasSubstr(R"("c1":"\u0085")"));
}

TEST(LogRender, EveryByteSurvivesJsonOrIsReplaced) {
  for (int byte = 0; byte < 256; ++byte) {
    LogLine line(LogLevel::kInfo, "m");
    line.add("v", std::string(1, static_cast<char>(byte)));
    const auto json = nlohmann::json::parse(renderJson(line, WallTime(0ms), 1));
    const std::string expected =
        byte < 0x80 ? std::string(1, static_cast<char>(byte)) : "\xef\xbf\xbd";
    EXPECT_EQ(json["v"], expected) << byte;
  }
}

TEST(LogRender, TimeBeforeTheEpochAndAfter) {
  EXPECT_EQ(renderTime(WallTime(-1ms)), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(renderTime(WallTime(0ms)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(renderTime(WallTime(4102444800000ms)), "2100-01-01T00:00:00.000Z");
}

TEST(LogLine, CutsLongValuesBetweenCharacters) {
  const std::string umlaut = "\xc3\xbc";
  std::string value = "x";  // an odd start, so that the cut would fall within a character
  while (value.size() < 10000) value += umlaut;
  LogLine line(LogLevel::kInfo, value);
  line.add("v", value);
  for (const std::string_view part : {line.message(), line.value(line.fields()[0])}) {
    EXPECT_LE(part.size(), LogLine::kMaxValueBytes);
    EXPECT_GT(part.size(), LogLine::kMaxValueBytes - 8);
    EXPECT_TRUE(part.ends_with(umlaut + "..."));
  }
  // Bytes that only look like the inside of a character do not lead far back.
  line.add("w", std::string(10000, '\x80'));
  EXPECT_GT(line.value(line.fields()[1]).size(), LogLine::kMaxValueBytes - 8);
}

TEST(LogLine, LevelsHaveSyslogsNamesAndOrder) {
  EXPECT_EQ(logLevelName(LogLevel::kEmerg), "emerg");
  EXPECT_EQ(logLevelName(LogLevel::kDebug), "debug");
  EXPECT_EQ(static_cast<int>(LogLevel::kInfo), 6);
}

TEST(LogLine, NewMessageKeepsTheFields) {
  LogLine line(LogLevel::kNotice, "old");
  line.add("a", "x y").add("n", 5).collapseBy("k");
  const LogLine copy = line.withMessage("quite another message");
  EXPECT_EQ(renderText(copy), "quite another message a=\"x y\" n=5");
  EXPECT_EQ(copy.level(), LogLevel::kNotice);
  EXPECT_TRUE(copy.collapseKey().empty());
  EXPECT_EQ(nlohmann::json::parse(renderJson(copy, WallTime(0ms), 1))["n"], 5);
}

}  // namespace
}  // namespace culvert
